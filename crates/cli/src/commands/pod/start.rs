//! `cove pod start`

use cove_api::Pods;

use super::{IdFiles, Targets};
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Start the containers of pods
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    files: IdFiles,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] POD [POD...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let act = async |pods: &dyn Pods, id: &str| pods.start(id).await;
    args.targets.each(context, &args.files, &[], false, act).await
}
