//! `cove container diff`

use cove_api::DiffType;

use crate::command_error::CommandResult;
use crate::commands::diff::{Output, diff};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Show what changed in the file system of a container
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The container, then perhaps what it is compared with
    #[arg(value_name = "CONTAINER [CONTAINER]")]
    words: Vec<String>,
    #[command(flatten)]
    output: Output,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER]");

async fn run(context: &Context, args: Args) -> CommandResult {
    diff(context, args.words, args.latest, DiffType::Container, &args.output).await
}
