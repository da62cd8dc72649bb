//! `cove kill`

use cove_api::ContainerState;

use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Send a signal to containers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: super::Targets,
    /// The signal, by name or number
    #[arg(long, short, value_name = "SIGNAL", default_value = "KILL")]
    signal: String,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let signal = crate::args::signal(&args.signal)?;
    let states = [ContainerState::Running, ContainerState::Paused];
    args.targets.each(context, &states, async |containers, id| containers.kill(id, signal).await).await
}
