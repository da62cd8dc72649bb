//! `cove image exists`

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Ends with 0 where the image is in the store, with 1 where it is not
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id of the image
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("IMAGE");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.images, 1)?;
    let found = context.engine().await?.images().exists(&args.images[0]).await?;
    Ok(u8::from(!found))
}
