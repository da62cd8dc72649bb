//! `cove container prune`

use cove_api::{ContainerState, ErrorKind, ListOptions, RemoveOptions};

use crate::args::at_most;
use crate::command_error::{CommandResult, Failures};
use crate::commands::common::{confirmed, filter_fault, filters};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::render::short_id;

/// Remove containers that do not run
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Only containers for which that is true, such as label=KEY or until=24h
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    force: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let filters = filters(&args.filter, filter_fault)?;
    let engine = context.engine().await?;
    let containers =
        engine.containers().list(ListOptions { all: true, filters, ..Default::default() }).await?;
    let stopped: Vec<_> = containers
        .iter()
        .filter(|container| container.state.has_ended() || container.state == ContainerState::Created)
        // What is in a pod goes with the pod.
        .filter(|container| container.pod.is_empty())
        .collect();
    let names = stopped.iter().map(|container| short_id(&container.id));
    if !confirmed(context, args.force, "all non running containers.", names)? {
        return Ok(0);
    }
    let mut failures = Failures::default();
    for container in stopped {
        match engine
            .containers()
            .remove(&container.id, RemoveOptions { volumes: true, ..Default::default() })
            .await
        {
            Ok(_) => context.printer.line(&container.id)?,
            // Started or removed since the look at it.
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::WrongState) => {}
            Err(error) => failures.push(error),
        }
    }
    failures.finish()
}
