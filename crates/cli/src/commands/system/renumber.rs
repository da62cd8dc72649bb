//! `cove system renumber`

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Make the locks of all containers anew
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
    context.engine().await?.system().renumber().await?;
    Ok(0)
}
