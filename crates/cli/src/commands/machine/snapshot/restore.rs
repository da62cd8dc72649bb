//! `cove machine snapshot restore`

use super::target;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Return a stopped machine to a snapshot: its disk, processors and memory as they were
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
    crate::commands::machine::machines(context).restore_snapshot(&name, &snapshot).await?;
    context.printer.line(&format!("Machine \"{name}\" is as it was at \"{snapshot}\""))?;
    Ok(0)
}
