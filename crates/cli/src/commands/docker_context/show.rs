//! `cove context show`

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Print the name of the context that Docker's programs use
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
    let contexts = super::contexts(context)?;
    context.printer.line(super::in_use(context, &contexts)?.name())?;
    Ok(0)
}
