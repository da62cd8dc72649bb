//! `cove compose unpause`

use super::pause::freeze;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Let frozen services go on
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    freeze(context, &args.services, false).await
}
