//! `cove pod pause`

use cove_api::{PodState, Pods};

use super::{IdFiles, Targets};
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Freeze the containers of pods
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: Targets,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] POD [POD...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let states = [PodState::Running, PodState::Degraded];
    let act = async |pods: &dyn Pods, id: &str| pods.pause(id).await;
    args.targets.each(context, &IdFiles::default(), &states, true, act).await
}
