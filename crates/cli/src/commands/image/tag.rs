//! `cove tag`

use crate::args::at_least;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Give an image further names
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image, then the names
    #[arg(value_name = "IMAGE NAME")]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("IMAGE NAME [NAME...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.words, 2)?;
    let images = context.engine().await?.images();
    for name in &args.words[1..] {
        images.tag(&args.words[0], name).await?;
    }
    Ok(0)
}
