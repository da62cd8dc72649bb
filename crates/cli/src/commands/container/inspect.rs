//! `cove container inspect`

use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Show all about containers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
    /// Also the disk use
    #[arg(long, short)]
    size: bool,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let engine = context.engine().await?;
    let mut names = args.containers;
    if args.latest {
        if !names.is_empty() {
            return Err(CommandError::other("--latest and arguments cannot be used together"));
        }
        names.push(super::latest(engine).await?);
    }
    if names.is_empty() {
        return Err(CommandError::other("no names or ids specified"));
    }
    crate::commands::inspect::inspect(context, engine, &names, "container", args.size, args.format.as_deref())
        .await
}
