//! Where the user has logged in: the credentials that this computer keeps.

use cove_api::{ErrorKind, Result};
use cove_config::auth::CredentialStore;
use cove_config::registries::Registries;
use cove_config::{Directories, Environment};

use crate::view::LoginRow;

/// The files and programs that keep a user's credentials.
#[derive(Debug, Clone)]
pub struct Accounts {
    environment: Environment,
    directories: Directories,
}

impl Accounts {
    /// Those of a user; nothing is read yet.
    #[must_use]
    pub fn new(environment: Environment, directories: Directories) -> Self {
        Self { environment, directories }
    }

    fn open(&self) -> Result<CredentialStore> {
        let failed = |error: cove_config::Error| cove_api::Error::from_chain(ErrorKind::Internal, &error);
        let registries = Registries::load(&self.environment, &self.directories, None).map_err(failed)?.value;
        Ok(CredentialStore::new(&self.environment, &self.directories, &registries, None))
    }

    /// The logins, by registry. Programs that keep credentials are asked, so this may take a moment.
    pub(crate) fn logins(&self) -> Result<Vec<LoginRow>> {
        let store = self.open()?;
        let mut keys = store.keys()?;
        keys.sort();
        keys.dedup();
        let row = |registry: String| match store.get(&registry) {
            Ok(Some(found)) => {
                let username = found.credentials.username;
                Some(LoginRow { registry, username, place: found.source, problem: None })
            }
            Ok(None) => None,
            Err(error) => {
                let problem = Some(error.to_string());
                Some(LoginRow { registry, username: String::new(), place: String::new(), problem })
            }
        };
        Ok(keys.into_iter().filter_map(row).collect())
    }

    /// What is kept for an image with its registry, for an engine that does not see this computer's files.
    pub(crate) fn credentials(&self, image: &str) -> Option<cove_api::Credentials> {
        let found = self.open().ok()?.get(repository(image)?).ok()??;
        let credentials = found.credentials;
        Some(cove_api::Credentials {
            password: credentials.password().to_owned(),
            identity_token: credentials.identity_token().unwrap_or_default().to_owned(),
            registry_token: credentials.registry_token().unwrap_or_default().to_owned(),
            username: credentials.username,
        })
    }
}

/// A name without tag and digest, where it says its registry.
fn repository(image: &str) -> Option<&str> {
    let name = image.split('@').next().unwrap_or(image);
    let (registry, path) = name.split_once('/')?;
    if registry != "localhost" && !registry.contains(['.', ':']) {
        return None;
    }
    let length = path.rfind(':').map_or(name.len(), |at| registry.len() + 1 + at);
    name.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_its_registry() {
        for (image, wanted) in [
            ("docker.io/library/alpine:3", Some("docker.io/library/alpine")),
            ("localhost:5000/a/b", Some("localhost:5000/a/b")),
            ("localhost:5000/a/b:1", Some("localhost:5000/a/b")),
            ("quay.io/a@sha256:00", Some("quay.io/a")),
            ("library/alpine", None),
            ("alpine:3", None),
            ("", None),
        ] {
            assert_eq!(repository(image), wanted, "{image}");
        }
    }
}
