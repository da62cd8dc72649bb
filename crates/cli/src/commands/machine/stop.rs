//! `cove machine stop`

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Stop a machine
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[NAME]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.names, 1)?;
    let name = super::name(&args.names)?;
    super::machines(context).stop(&name, &super::tell(&context.printer, false)).await?;
    context.printer.line(&format!("Machine \"{name}\" stopped successfully"))?;
    Ok(0)
}
