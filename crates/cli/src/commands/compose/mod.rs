//! `cove compose`

mod config;
mod provider;

use cove_config::env;

use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Run an installed compose program (docker-compose, podman-compose) on this engine
///
/// What `config` prints needs no program, unless PODMAN_COMPOSE_PROVIDER names one.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What the program is told
    #[arg(hide = true)]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[ARG...]", Nowhere, Plain);

async fn run(context: &Context, Args { words }: Args) -> CommandResult {
    if config::is_meant(&words) && !context.environment.is_set(env::PODMAN_COMPOSE_PROVIDER) {
        return config::run(context, &words);
    }
    provider::run(context, &words).await
}
