//! Docker's ways to an engine: contexts, and what its programs find in the environment.
//!
//! Contexts are named by `--context`. All else that Docker's programs follow is followed only where this program is
//! called by the name `docker`, as by a link of that name: whoever types `cove` means the engine of this host, whatever
//! Docker's configuration says, and so do the units and monitors that start it.

use std::path::{Path, PathBuf};

use cove_config::contexts::DEFAULT;
use cove_config::{Destination, Directories, DockerContexts, Environment, env};

use crate::command_error::CommandError;

/// The name by which this program does what Docker's would do.
pub(super) const PROGRAM: &str = "docker";

/// What Docker's programs would take for the current context, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Current {
    /// None: the default.
    Default,
    /// DOCKER_HOST, which comes before all contexts.
    Host(String),
    /// A context by its name.
    Named(String),
}

impl Current {
    /// Its name; DOCKER_HOST is the default's.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Default | Self::Host(_) => DEFAULT,
            Self::Named(name) => name,
        }
    }
}

/// What Docker's programs would take in this environment: DOCKER_HOST, DOCKER_CONTEXT, the current context of
/// Docker's configuration.
///
/// # Errors
/// The configuration cannot be read.
pub(crate) fn current(
    environment: &Environment,
    contexts: Option<&DockerContexts>,
) -> Result<Current, CommandError> {
    let set = |name| environment.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
    if let Some(host) = set(env::DOCKER_HOST) {
        return Ok(Current::Host(host));
    }
    let named = match set(env::DOCKER_CONTEXT) {
        Some(name) => Some(name),
        None => contexts.map(DockerContexts::configured).transpose()?.flatten(),
    };
    Ok(named.filter(|name| name != DEFAULT).map_or(Current::Default, Current::Named))
}

/// Where the environment and the configuration send Docker's programs, where this one is called like them.
///
/// # Errors
/// The context that is named is not there or leads nowhere.
pub(super) fn followed(
    program: &str,
    environment: &Environment,
    directories: &Directories,
) -> Result<Option<Destination>, CommandError> {
    if program != PROGRAM {
        return Ok(None);
    }
    let contexts = DockerContexts::new(environment, directories);
    match current(environment, contexts.as_ref())? {
        Current::Default => Ok(None),
        Current::Host(uri) => {
            let mut destination = Destination { uri, ..Destination::default() };
            if environment.get(env::DOCKER_TLS_VERIFY).is_some_and(|value| !value.is_empty()) {
                let folder = environment
                    .path(env::DOCKER_CERT_PATH)
                    .or_else(|| Some(contexts?.config_file().parent()?.to_owned()))
                    .unwrap_or_default();
                let file = |name: &str| folder.join(name).display().to_string();
                destination.tls_ca = file("ca.pem");
                // As Docker's programs do: a certificate of one's own need not be there.
                if folder.join("cert.pem").exists() || folder.join("key.pem").exists() {
                    destination.tls_cert = file("cert.pem");
                    destination.tls_key = file("key.pem");
                }
            }
            Ok(Some(destination))
        }
        Current::Named(name) => {
            let contexts = contexts.ok_or_else(|| no_home(&name))?;
            contexts.get(&name).and_then(|context| context.destination()).map(Some).map_err(|error| {
                let chain = crate::command_error::chain(&error);
                CommandError::other(format!("{chain}; see '{PROGRAM} context ls'"))
            })
        }
    }
}

fn no_home(name: &str) -> CommandError {
    CommandError::other(format!(
        "context {name:?}: nobody knows where your home is: set HOME or DOCKER_CONFIG"
    ))
}

/// The context of that name; [`None`] where there is none.
///
/// # Errors
/// It is damaged or leads nowhere.
pub(super) fn named(
    name: &str,
    environment: &Environment,
    directories: &Directories,
) -> Result<Option<Destination>, CommandError> {
    let Some(contexts) = DockerContexts::new(environment, directories) else { return Ok(None) };
    match contexts.get(name) {
        Ok(context) => Ok(Some(context.destination()?)),
        Err(cove_config::Error::ContextNotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether an address is the socket of this host's own engine, for which no service needs to run.
pub(super) fn is_own_socket(uri: &str, directories: &Directories) -> bool {
    let Some(path) = uri.strip_prefix("unix://") else { return false };
    let own = directories.api_socket();
    let real =
        |path: &Path| -> PathBuf { cove_sys::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()) };
    Path::new(path) == own || real(Path::new(path)) == real(&own)
}
