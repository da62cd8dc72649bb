//! `cove farm create`

use crate::args::at_least;
use crate::command_error::CommandResult;
use crate::commands::system::connection::connections;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Make a farm of connections
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The farm's name and the names of its connections
    #[arg(value_name = "NAME [CONNECTION...]")]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("NAME [CONNECTION...]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.words, 1)?;
    let (name, members) = (&args.words[0], &args.words[1..]);
    connections(context).create_farm(name, members)?;
    context.printer.line(&format!("Farm {name:?} created"))?;
    Ok(0)
}
