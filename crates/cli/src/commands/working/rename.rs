//! `cove build-container rename`

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Give a working container another name
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The container and its new name
    #[arg(value_name = "CONTAINER NAME")]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("CONTAINER NAME");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 2)?;
    context.engine().await?.working().rename(&args.words[0], &args.words[1]).await?;
    Ok(0)
}
