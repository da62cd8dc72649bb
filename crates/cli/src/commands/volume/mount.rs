//! `cove volume mount`

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Mount a volume and show where
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The volume
    #[arg(value_name = "VOLUME")]
    volumes: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("VOLUME");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.volumes, 1)?;
    context.require_unshare()?;
    let path = context.engine().await?.volumes().mount(&args.volumes[0]).await?;
    context.printer.line(&path)?;
    Ok(0)
}
