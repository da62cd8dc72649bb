//! `cove network inspect`

use crate::args::at_least;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Show all about networks
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "NETWORK")]
    networks: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] NETWORK [NETWORK...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.networks, 1)?;
    let engine = context.engine().await?;
    crate::commands::inspect::inspect(
        context,
        engine,
        &args.networks,
        "network",
        false,
        args.format.as_deref(),
    )
    .await
}
