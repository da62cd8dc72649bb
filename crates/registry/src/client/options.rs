//! What the registry client is configured with. Nothing is read from the environment or from files here, except
//! certificates beneath the directories that are named.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cove_config::{CredentialStore, Credentials, Registries, SignaturePlaces};

/// Finds credentials; called on a blocking thread, because it may read files or run a program.
pub trait CredentialLookup: Send + Sync {
    /// For `key`, which is `REGISTRY/REPOSITORY` or a host alone; the longest matching entry wins.
    ///
    /// # Errors
    /// A text that names the file or program that failed, and no secret.
    fn lookup(&self, key: &str) -> Result<Option<Credentials>, String>;
}

impl<F> CredentialLookup for F
where
    F: Fn(&str) -> Result<Option<Credentials>, String> + Send + Sync,
{
    fn lookup(&self, key: &str) -> Result<Option<Credentials>, String> {
        self(key)
    }
}

impl CredentialLookup for CredentialStore {
    fn lookup(&self, key: &str) -> Result<Option<Credentials>, String> {
        match self.get(key) {
            Ok(found) => Ok(found.map(|found| found.credentials)),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// How often and how fast to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries after the first, for 429, 5xx and broken connections.
    pub retries: u32,
    /// Wait before the first of them; doubles each time, unless the registry names a time.
    pub first_delay: Duration,
    /// The longest wait that doubling leads to.
    pub max_delay: Duration,
    /// The longest time that is waited in all because registries ask for it (`Retry-After`). A wait beyond it is not
    /// begun.
    pub max_asked: Duration,
    /// How often a blob that broke off is continued.
    pub resumes: u32,
    /// Where nothing listens is tried again too, because whoever calls has asked for tries.
    pub insists: bool,
}

impl RetryPolicy {
    /// The waits before the tries after the first.
    pub(super) fn waits(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        let most = self.max_delay;
        std::iter::successors(Some(self.first_delay), move |wait| Some(wait.saturating_mul(2).min(most)))
            .take(usize::try_from(self.retries).unwrap_or(usize::MAX))
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            retries: 3,
            first_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            max_asked: Duration::from_secs(60),
            resumes: 5,
            insists: false,
        }
    }
}

/// Configuration of a [`RegistryClient`](crate::RegistryClient).
#[derive(Clone)]
pub struct RegistryOptions {
    /// registries.conf, with the aliases of the user's short-name-aliases.conf put over its own.
    pub registries: Registries,
    /// registries.d: where signatures are kept.
    pub signatures: Arc<SignaturePlaces>,
    /// auth.json and the rest.
    pub credentials: Arc<dyn CredentialLookup>,
    /// A directory of `*.{crt,cert,key}` to use for every host, in place of `certificate_dirs` (`--cert-dir`).
    pub certificate_dir: Option<PathBuf>,
    /// Directories that hold `HOST[:PORT]/*.{crt,cert,key}`; the first that has the host is used.
    pub certificate_dirs: Vec<PathBuf>,
    /// `Some(false)`: certificates are not checked, and plain HTTP is tried too; `Some(true)`: always checked,
    /// whatever registries.conf says; `None`: as registries.conf says.
    pub tls_verify: Option<bool>,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// The longest time without (nearly) any data.
    pub stall_timeout: Duration,
    /// Trying again.
    pub retry: RetryPolicy,
    /// The credentials were given for the place that is named: its mirrors are asked without any.
    pub for_own_place: bool,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            registries: Registries::default(),
            signatures: Arc::default(),
            credentials: Arc::new(|_: &str| Ok(None)),
            certificate_dir: None,
            certificate_dirs: vec!["/etc/containers/certs.d".into(), "/etc/docker/certs.d".into()],
            tls_verify: None,
            user_agent: format!("cove/{}", env!("CARGO_PKG_VERSION")),
            stall_timeout: Duration::from_secs(60),
            retry: RetryPolicy::default(),
            for_own_place: false,
        }
    }
}
