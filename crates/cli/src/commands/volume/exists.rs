//! `cove volume exists`

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Ends with 0 where the volume exists, with 1 where it does not
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the volume
    #[arg(value_name = "VOLUME")]
    volumes: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("VOLUME");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.volumes, 1)?;
    let found = context.engine().await?.volumes().exists(&args.volumes[0]).await?;
    Ok(u8::from(!found))
}
