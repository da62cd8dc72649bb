//! How images reach registries: the user's registries, credentials, certificates.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cove_api::{RegistryAccess, Result};
use cove_config::{CredentialStore, Credentials};
use cove_registry::{DEFAULT_PARALLEL, RegistryClient, RegistryOptions, RetryPolicy};

use crate::engine::Core;

/// What a lookup of credentials found, or why it could not look.
type Lookup = std::result::Result<Option<Credentials>, String>;

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

/// Credentials of a request, as registries are asked with them.
pub(super) fn given(credentials: &cove_api::Credentials) -> Credentials {
    let token = |text: &String| Some(text.clone()).filter(|token| !token.is_empty());
    Credentials::new(
        credentials.username.clone(),
        credentials.password.clone(),
        token(&credentials.identity_token),
    )
    .with_registry_token(token(&credentials.registry_token))
}

/// A client with the user's registries, credentials and certificates.
pub(crate) fn client(core: &Core, access: &RegistryAccess) -> Result<RegistryClient> {
    let directories = &core.options.directories;
    let mut settings =
        RegistryOptions { registries: core.registries()?.clone(), ..RegistryOptions::default() };
    settings.tls_verify = access.tls_verify;
    settings.certificate_dir = access.cert_dir.as_ref().map(Into::into);
    settings.certificate_dirs = directories.certificates();
    settings.retry = RetryPolicy {
        retries: access.retry.unwrap_or(3),
        first_delay: access.retry_delay.map_or(Duration::from_secs(1), Duration::from_secs),
        ..RetryPolicy::default()
    };
    settings.credentials = match &access.credentials {
        Some(credentials) => {
            let given = given(credentials);
            Arc::new(move |_: &str| Ok(Some(given.clone())))
        }
        None => {
            let store = CredentialStore::new(
                &core.options.environment,
                directories,
                core.registries()?,
                access.auth_file.as_deref().map(Path::new),
            );
            // A helper that does not answer is waited for once.
            let known: Mutex<HashMap<String, Lookup>> = Mutex::default();
            let of_registries = access.registries.clone();
            Arc::new(move |key: &str| {
                // The key is a repository; those of its registry, or of a part of its path, are for it.
                let ends = key.match_indices('/').map(|(index, _)| index).chain([key.len()]);
                let own = ends.rev().find_map(|end| of_registries.get(&key[..end]));
                if let Some(own) = own {
                    return Ok(Some(given(own)));
                }
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                let look_up = || match store.get(key) {
                    Ok(found) => Ok(found.map(|found| found.credentials)),
                    Err(error) => Err(error.to_string()),
                };
                known.entry(key.to_owned()).or_insert_with(look_up).clone()
            })
        }
    };
    Ok(RegistryClient::new(settings))
}
