//! `cove init`

use cove_api::{ContainerState, ErrorKind};

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Prepare containers for their start: mounts and network, without running their commands
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Every container that does not run
    #[arg(long, short)]
    all: bool,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

/// States from which one can be prepared.
const STATES: [ContainerState; 3] =
    [ContainerState::Created, ContainerState::Exited, ContainerState::Stopped];

async fn run(context: &Context, args: Args) -> CommandResult {
    let targets = super::Targets::<true, true> {
        names: args.containers,
        all: args.all,
        latest: args.latest,
        ..Default::default()
    };
    if args.all && args.latest {
        return Err(CommandError::other("--all and --latest cannot be used together"));
    }
    targets.check()?;
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    for container in targets.choose(engine, &STATES, false, &mut failures).await? {
        let result = engine.containers().init(&container.id).await;
        // Of all, one that somebody else was faster with is fine.
        if args.all && result.as_ref().is_err_and(|error| error.kind == ErrorKind::WrongState) {
            continue;
        }
        if failures.note(result).is_some() {
            context.printer.line(&container.shown)?;
        }
    }
    failures.finish()
}
