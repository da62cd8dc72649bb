//! `cove machine snapshot rm`

use super::target;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove a snapshot of a stopped machine
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The machine (the usual one where one word is given), and the snapshot
    #[arg(value_name = "[NAME] SNAPSHOT")]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[NAME] SNAPSHOT", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    let (name, snapshot) = target(&args.words)?;
    crate::commands::machine::machines(context).remove_snapshot(&name, &snapshot).await?;
    context.printer.line(&snapshot.to_string())?;
    Ok(0)
}
