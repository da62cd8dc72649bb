//! `cove context …`: Docker's contexts, which its own programs read and write as well.

use cove_api::Error;
use cove_config::contexts::DEFAULT;
use cove_config::{DockerContext, DockerContexts};

use crate::command_error::CommandError;
use crate::connect::docker::{Current, current};
use crate::context::Context;

pub(crate) mod create;
mod endpoint;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod select;
pub(crate) mod show;
pub(crate) mod update;

/// What Docker's programs call the default in lists.
const DEFAULT_DESCRIPTION: &str = "Current DOCKER_HOST based configuration";

/// The user's contexts.
///
/// # Errors
/// Nobody knows where the user's home is.
fn contexts(context: &Context) -> Result<DockerContexts, CommandError> {
    DockerContexts::new(&context.environment, &context.directories)
        .ok_or_else(|| CommandError::other("nobody knows where your home is: set HOME or DOCKER_CONFIG"))
}

/// The context in use: by Docker's programs, and by this one where it is called so or `--context` names one.
///
/// # Errors
/// Docker's configuration cannot be read.
fn in_use(context: &Context, contexts: &DockerContexts) -> Result<Current, CommandError> {
    match &context.global.root.context {
        Some(name) if name == DEFAULT => Ok(match current(&context.environment, None)? {
            host @ Current::Host(_) => host,
            _ => Current::Default,
        }),
        Some(name) => Ok(Current::Named(name.clone())),
        None => current(&context.environment, Some(contexts)),
    }
}

/// Where the default leads: DOCKER_HOST, or the socket of this host's engine.
fn default_host(context: &Context) -> String {
    match current(&context.environment, None) {
        Ok(Current::Host(host)) => host,
        _ => format!("unix://{}", context.directories.api_socket().display()),
    }
}

/// Where a context leads; empty where that is nowhere.
fn host(context: &DockerContext) -> String {
    context.endpoint().map(|endpoint| endpoint.host).unwrap_or_default()
}

/// A failure of a file that the user named.
fn of_file(path: &str, error: std::io::Error) -> CommandError {
    CommandError::from(Error::from(error).context(path))
}
