//! `cove system connection rename`

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Give a connection another name
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name and the new one
    #[arg(value_name = "OLD NEW")]
    names: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("OLD NEW", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.names, 2)?;
    super::connections(context).rename(&args.names[0], &args.names[1])?;
    Ok(0)
}
