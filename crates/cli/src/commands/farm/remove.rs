//! `cove farm remove`

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::system::connection::connections;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Forget farms; their connections stay
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Every farm
    #[arg(long, short)]
    all: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] NAME [NAME...]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.names.is_empty() != args.all {
        return Err(CommandError::other(match args.all {
            true => "--all takes no names",
            false => "requires at least 1 arg(s), received 0",
        }));
    }
    let connections = connections(context);
    if args.all {
        if connections.remove_all_farms()?.is_empty() {
            return Err(CommandError::other("no existing farms; nothing to remove"));
        }
        context.printer.line("All farms have been deleted")?;
        return Ok(0);
    }
    let mut failures = Failures::default();
    for name in &args.names {
        if failures.note(connections.remove_farm(name).map_err(CommandError::from)).is_some() {
            context.printer.line(&format!("Farm {name:?} deleted"))?;
        }
    }
    failures.finish()
}
