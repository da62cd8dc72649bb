//! `cove manifest exists`

use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// End with 0 if a list exists in the store, else with 1
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("LIST");

async fn run(context: &Context, args: Args) -> CommandResult {
    let exists = context.engine().await?.manifests().exists(&args.list).await?;
    Ok(if exists { 0 } else { 1 })
}
