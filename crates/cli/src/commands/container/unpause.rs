//! `cove unpause`

use cove_api::ContainerState;

use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Let frozen containers go on
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: super::Targets,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let states = [ContainerState::Paused];
    args.targets.each(context, &states, async |containers, id| containers.unpause(id).await).await
}
