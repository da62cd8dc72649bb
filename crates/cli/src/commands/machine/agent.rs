//! `cove machine agent`: the process that serves a running machine on this host.

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Serve a running machine on this host (started by "machine start")
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the machine
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("NAME", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.names, 1)?;
    cove_machine::agent::run(&super::machines(context), &super::name(&args.names)?).await?;
    Ok(0)
}
