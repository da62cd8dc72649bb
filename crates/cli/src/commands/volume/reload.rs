//! `cove volume reload`

use cove_api::VolumeListOptions;

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Take over the volumes of plug-ins; there are none, because plug-ins are not supported
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    // A plug-in in containers.conf is refused where it is read, so what the engine lists is all there is.
    context.engine().await?.volumes().list(VolumeListOptions::default()).await?;
    Ok(0)
}
