//! How images reach registries: the user's registries, credentials, certificates.

use std::sync::Arc;

use cove_api::{RegistryAccess, Result};
use cove_config::SignaturePlaces;
use cove_registry::{DEFAULT_PARALLEL, RegistryClient, RegistryOptions};

use crate::engine::Core;

/// How many layers are copied at once.
pub(super) fn parallel(core: &Core) -> usize {
    core.options
        .containers
        .engine
        .image_parallel_copies
        .and_then(|count| usize::try_from(count).ok())
        .filter(|count| *count > 0)
        .unwrap_or(DEFAULT_PARALLEL)
}

/// A client with the user's registries, credentials and certificates.
pub(crate) fn client(core: &Core, access: &RegistryAccess) -> Result<RegistryClient> {
    Ok(RegistryClient::new(options(core, access)?))
}

/// What such a client is made of.
pub(super) fn options(core: &Core, access: &RegistryAccess) -> Result<RegistryOptions> {
    let (environment, directories) = (&core.options.environment, &core.options.directories);
    let registries = core.registries()?.clone();
    let signatures = Arc::new(SignaturePlaces::load(directories, None)?);
    Ok(RegistryOptions {
        signatures,
        ..RegistryOptions::of_user(environment, directories, registries, access)
    })
}
