//! `cove system connection rm`

use crate::args::at_least;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Forget connections
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Every connection
    #[arg(long, short)]
    all: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] NAME [NAME...]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    let connections = super::connections(context);
    if args.all {
        if !args.names.is_empty() {
            return Err(CommandError::other("--all takes no names"));
        }
        connections.remove_all()?;
        return Ok(0);
    }
    at_least(&args.names, 1)?;
    let names: Vec<&str> = args.names.iter().map(String::as_str).collect();
    connections.remove(&names)?;
    Ok(0)
}
