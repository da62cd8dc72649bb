//! `cove container exists`

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Ends with 0 where the container exists, with 1 where it does not
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id of the container
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Also those that other tools keep in the store
    #[arg(long)]
    external: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.containers, 1)?;
    let engine = context.engine().await?;
    let mut found = engine.containers().exists(&args.containers[0]).await?;
    if !found && args.external {
        let options = cove_api::ListOptions { all: true, external: true, ..Default::default() };
        let name = &args.containers[0];
        found = engine.containers().list(options).await?.iter().any(|container| {
            container.id.starts_with(name.as_str()) || container.names.iter().any(|known| known == name)
        });
    }
    Ok(u8::from(!found))
}
