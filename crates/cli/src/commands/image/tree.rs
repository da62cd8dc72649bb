//! `cove image tree`

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Show the layers of an image, with the names that each has
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id of the image
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// The images and layers that are built on it
    #[arg(long)]
    whatrequires: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] IMAGE");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.images, 1)?;
    let tree = context.engine().await?.files().image_tree(&args.images[0], args.whatrequires).await?;
    context.printer.document(&tree)?;
    Ok(0)
}
