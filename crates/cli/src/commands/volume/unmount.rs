//! `cove volume unmount`

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Take back what `volume mount` has mounted
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
    let engine = context.engine().await?;
    let name = engine.volumes().inspect(&args.volumes[0]).await?.name;
    engine.volumes().unmount(&name).await?;
    context.printer.line(&name)?;
    Ok(0)
}
