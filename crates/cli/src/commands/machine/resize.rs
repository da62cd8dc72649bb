//! `cove machine resize`

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Give a machine a larger disk
///
/// The file system in a running machine grows at once where its image can do that, else at the next start.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Disk in GiB; can only grow
    #[arg(long, value_name = "GIB", required = true)]
    disk_size: u64,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.names, 1)?;
    let name = super::name(&args.names)?;
    let tell = super::tell(&context.printer, !context.printer.error_is_terminal());
    let resized = super::machines(context).resize(&name, args.disk_size, &tell).await?;
    let when = if resized.grown { "" } else { "; its file system grows at the next start" };
    context.printer.line(&format!(
        "Machine \"{name}\": disk of {} GiB, before {} GiB{when}",
        resized.after, resized.before
    ))?;
    Ok(0)
}
