//! `cove pod restart`

use cove_api::Pods;

use super::{IdFiles, Targets};
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Stop and start the containers of pods
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: Targets,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] POD [POD...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let act = async |pods: &dyn Pods, id: &str| pods.restart(id).await;
    args.targets.each(context, &IdFiles::default(), &[], true, act).await
}
