//! `cove pause`

use cove_api::ContainerState;

use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Freeze all processes of containers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: super::Targets,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let states = [ContainerState::Running];
    args.targets.each(context, &states, async |containers, id| containers.pause(id).await).await
}
