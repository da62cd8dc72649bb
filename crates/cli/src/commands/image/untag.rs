//! `cove untag`

use crate::args::at_least;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Take names away from an image; all of them where none is given
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image, then the names
    #[arg(value_name = "IMAGE NAME")]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("IMAGE [NAME...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.words, 1)?;
    context.engine().await?.images().untag(&args.words[0], args.words[1..].to_vec()).await?;
    Ok(0)
}
