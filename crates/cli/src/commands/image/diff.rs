//! `cove image diff`

use cove_api::DiffType;

use crate::command_error::CommandResult;
use crate::commands::diff::{Output, diff};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Show what an image changed in the file system of the layers below its topmost
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image, then perhaps what it is compared with
    #[arg(value_name = "IMAGE [IMAGE]")]
    words: Vec<String>,
    #[command(flatten)]
    output: Output,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] IMAGE [IMAGE]");

async fn run(context: &Context, args: Args) -> CommandResult {
    diff(context, args.words, false, DiffType::Image, &args.output).await
}
