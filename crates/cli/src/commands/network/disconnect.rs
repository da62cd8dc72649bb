//! `cove network disconnect`

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Take a container out of a network, also one that runs
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Network and container, names or ids
    #[arg(value_name = "NETWORK CONTAINER")]
    words: Vec<String>,
    /// Also where something of its connection cannot be taken down
    #[arg(long, short)]
    force: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] NETWORK CONTAINER");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 2)?;
    let engine = context.engine().await?;
    engine.networks().disconnect(&args.words[0], &args.words[1], args.force).await?;
    Ok(0)
}
