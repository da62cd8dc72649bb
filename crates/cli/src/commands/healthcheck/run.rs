//! `cove healthcheck run`

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Run the health check of a container now; ends with 1 where it is not well
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// End with 0 also where it is not well
    #[arg(long)]
    ignore_result: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.containers, 1)?;
    let health = context.engine().await?.containers().healthcheck(&args.containers[0]).await?;
    if !matches!(health.status.as_str(), "unhealthy" | "starting" | "stopped") {
        return Ok(0);
    }
    context.printer.line(&health.status)?;
    Ok(u8::from(!args.ignore_result))
}
