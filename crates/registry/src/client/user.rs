//! A client as a user has configured it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cove_api::RegistryAccess;
use cove_config::{CredentialStore, Credentials, Directories, Environment, Registries};

use super::options::{CredentialLookup, RegistryOptions, RetryPolicy};

/// What a lookup of credentials found, or why it could not look.
type Lookup = std::result::Result<Option<Credentials>, String>;

impl RegistryOptions {
    /// The user's registries, credentials and certificates, as far as `access` does not say otherwise.
    pub fn of_user(
        environment: &Environment,
        directories: &Directories,
        registries: Registries,
        access: &RegistryAccess,
    ) -> Self {
        let lookup: Arc<dyn CredentialLookup> = match &access.credentials {
            Some(given) => {
                let given = credentials(given);
                Arc::new(move |_: &str| Ok(Some(given.clone())))
            }
            None => {
                let file = access.auth_file.as_deref().map(Path::new);
                let store = CredentialStore::new(environment, directories, &registries, file);
                kept_credentials(store, access.registries.clone())
            }
        };
        let (usual, delay) = (RetryPolicy::default(), access.retry_delay.map(Duration::from_secs));
        Self {
            registries,
            credentials: lookup,
            for_own_place: access.credentials.is_some(),
            certificate_dir: access.cert_dir.as_ref().map(Into::into),
            certificate_dirs: directories.certificates(),
            tls_verify: access.tls_verify,
            retry: RetryPolicy {
                retries: access.retry.unwrap_or(3),
                // A pause that is given does not grow.
                first_delay: delay.unwrap_or(usual.first_delay),
                max_delay: delay.unwrap_or(usual.max_delay),
                insists: access.retry.is_some(),
                ..usual
            },
            ..Self::default()
        }
    }

    /// The same without any credentials.
    #[must_use]
    pub fn anonymous(mut self) -> Self {
        self.credentials = Arc::new(|_: &str| Ok(None));
        self
    }
}

/// Credentials of a request, as registries are asked with them.
pub fn credentials(given: &cove_api::Credentials) -> Credentials {
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Credentials::new(given.username.clone(), given.password.clone(), some(&given.identity_token))
        .with_registry_token(some(&given.registry_token))
}

/// Those given for a registry, else those kept for it. A helper that does not answer is waited for once.
fn kept_credentials(
    store: CredentialStore,
    of_registries: BTreeMap<String, cove_api::Credentials>,
) -> Arc<dyn CredentialLookup> {
    let known: Mutex<HashMap<String, Lookup>> = Mutex::default();
    Arc::new(move |key: &str| {
        // The key is a repository; those of its registry, or of a part of its path, are for it.
        let ends = key.match_indices('/').map(|(index, _)| index).chain([key.len()]);
        let own = ends.rev().find_map(|end| of_registries.get(&key[..end]));
        if let Some(own) = own {
            return Ok(Some(credentials(own)));
        }
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let look_up = || match store.get(key) {
            Ok(found) => Ok(found.map(|found| found.credentials)),
            Err(error) => Err(error.to_string()),
        };
        known.entry(key.to_owned()).or_insert_with(look_up).clone()
    })
}
