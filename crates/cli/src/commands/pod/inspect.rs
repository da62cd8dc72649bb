//! `cove pod inspect`

use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Show all about pods
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "POD")]
    names: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
    /// The newest pod
    #[arg(long, short)]
    latest: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] POD [POD...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let mut names = args.names;
    if args.latest && !names.is_empty() {
        return Err(CommandError::other("--latest and arguments cannot be used together"));
    }
    if !args.latest && names.is_empty() {
        return Err(CommandError::other("you must provide the name or id of a running pod"));
    }
    let engine = context.engine().await?;
    if args.latest {
        names.push(super::latest(engine).await?);
    }
    crate::commands::inspect::inspect(context, engine, &names, "pod", false, args.format.as_deref()).await
}
