//! `cove machine export`

use std::path::PathBuf;

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Write a stopped machine to a file, from which `machine import` makes another
///
/// The file holds its disk with everything in it, but not its keys and snapshots.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The machine, and the file
    #[arg(value_name = "NAME FILE")]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("NAME FILE", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 2)?;
    let name = super::name(&args.words[..1])?;
    let file = PathBuf::from(&args.words[1]);
    let tell = super::tell(&context.printer, !context.printer.error_is_terminal());
    super::machines(context).export(&name, &file, &tell).await?;
    context.printer.line(&format!("Machine \"{name}\" exported to {}", file.display()))?;
    Ok(0)
}
