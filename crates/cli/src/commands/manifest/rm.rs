//! `cove manifest rm`

use cove_api::{ErrorKind, ManifestRemoveOptions};

use crate::args::at_least;
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove lists from the store
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The lists
    #[arg(value_name = "LIST")]
    lists: Vec<String>,
    /// A list that is missing is no error
    #[arg(long, short)]
    ignore: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] LIST [LIST...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.lists, 1)?;
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    for list in &args.lists {
        let removed = engine.manifests().remove(list, ManifestRemoveOptions { ignore: args.ignore }).await;
        let Some(report) = failures.note(removed.map_err(CommandError::from)) else { continue };
        for name in &report.untagged {
            context.printer.line(&format!("Untagged: {name}"))?;
        }
        for id in &report.deleted {
            context.printer.line(&format!("Deleted: {id}"))?;
        }
        if let Some(error) = report.failure() {
            failures.push(error);
        }
    }
    // As with images: 1 where it was not there.
    failures.finish_with(|errors| match errors.last().and_then(CommandError::kind) {
        Some(ErrorKind::NotFound) => 1,
        _ => 125,
    })
}
