//! `cove machine cp`

use cove_machine::CopyEnds;

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Copy files and folders between this host and a machine
///
/// What begins with a dot or a slash is a path of this host, even where it has a colon.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What is copied, then where to
    #[arg(value_name = "[NAME:]PATH [NAME:]PATH")]
    words: Vec<String>,
    /// Nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME:]SRC_PATH [NAME:]DEST_PATH", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 2)?;
    let (name, ends) = CopyEnds::parse(&args.words[0], &args.words[1])?;
    let scp = super::machines(context).copy_command(&name, &ends, args.quiet)?;
    let status = super::ssh::status(&scp)?;
    if !status.success() {
        // scp has said why.
        return Err(CommandError::other(format!("copy failed: scp: {status}")));
    }
    if !args.quiet {
        context.printer.line("Copy successful")?;
    }
    Ok(0)
}
