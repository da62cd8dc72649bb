//! `cove builder version`

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Show the version of the builder
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    context.printer.line(&format!("cove {}", env!("CARGO_PKG_VERSION")))?;
    Ok(0)
}
