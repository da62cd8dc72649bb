//! `cove build-container rm`

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove working containers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Every one
    #[arg(long, short)]
    all: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.containers.is_empty() != args.all {
        return Err(CommandError::other(match args.all {
            true => "when using the --all switch, you may not pass any containers names or IDs",
            false => "container ID must be specified",
        }));
    }
    let working = context.engine().await?.working();
    let mut names = args.containers;
    if args.all {
        names.extend(working.list(false).await?.into_iter().map(|row| row.id));
    }
    let mut failures = Failures::default();
    for name in &names {
        if let Some(id) = failures.note(working.remove(name).await) {
            context.printer.line(&id)?;
        }
    }
    failures.finish()
}
