//! `cove machine compact`

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::render::human_size_spaced;

/// Give room that a machine's disk no longer needs back to this computer
///
/// A running machine discards what its files do not use. Of a stopped one only what is empty can be left out, and not
/// where it has snapshots.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[NAME]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.names, 1)?;
    let name = super::name(&args.names)?;
    let tell = super::tell(&context.printer, !context.printer.error_is_terminal());
    let compacted = super::machines(context).compact(&name, &tell).await?;
    let size = |bytes: u64| human_size_spaced(i64::try_from(bytes).unwrap_or(i64::MAX));
    let hint = if compacted.trimmed { "" } else { " (while it runs, it may give back more)" };
    context.printer.line(&format!(
        "Machine \"{name}\": its disk takes {}, before {}{hint}",
        size(compacted.after),
        size(compacted.before)
    ))?;
    Ok(0)
}
