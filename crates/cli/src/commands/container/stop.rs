//! `cove stop`

use cove_api::{ContainerState, ErrorKind, StopOptions};

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Stop containers: their stop signal, then SIGKILL
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: super::Targets,
    /// A container that is missing is no error
    #[arg(long, short)]
    ignore: bool,
    /// Seconds before SIGKILL; -1 for ever
    #[arg(long, short, value_name = "SECONDS", allow_hyphen_values = true, alias = "timeout", value_parser = crate::args::stop_time)]
    time: Option<u32>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    args.targets.check()?;
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    let states: &[ContainerState] = if args.targets.filter.is_empty() {
        &[ContainerState::Running, ContainerState::Paused, ContainerState::Stopping]
    } else {
        &[]
    };
    let options = StopOptions { timeout: args.time, ..StopOptions::default() };
    let chosen = args.targets.choose(engine, states, args.ignore, &mut failures).await?;
    // Side by side, so that waiting for one does not hold up the others.
    let stops = chosen.iter().map(|container| engine.containers().stop(&container.id, options.clone()));
    let results = futures_util::future::join_all(stops).await;
    for (container, result) in chosen.iter().zip(results) {
        match result {
            Ok(()) => context.printer.line(&container.shown)?,
            Err(error) if args.ignore && error.kind == ErrorKind::NotFound => {}
            Err(error) => failures.push(CommandError::from(error)),
        }
    }
    failures.finish()
}
