//! `cove container cleanup`: what a monitor runs when its container has ended.

use cove_api::ContainerState;

use crate::args::at_least;
use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Clear up after containers that have ended
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Every container
    #[arg(long, short)]
    all: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    if !args.all {
        at_least(&args.containers, 1)?;
    }
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    let targets: super::Targets =
        super::Targets { names: args.containers, all: args.all, ..Default::default() };
    let ended = [ContainerState::Exited, ContainerState::Stopped, ContainerState::Created];
    for container in targets.choose(engine, &ended, false, &mut failures).await? {
        failures.note(engine.containers().cleanup(&container.id).await);
    }
    failures.finish()
}
