//! `cove network exists`

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Ends with 0 where the network exists, with 1 where it does not
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the network
    #[arg(value_name = "NETWORK")]
    networks: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("NETWORK");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.networks, 1)?;
    let found = context.engine().await?.networks().exists(&args.networks[0]).await?;
    Ok(u8::from(!found))
}
