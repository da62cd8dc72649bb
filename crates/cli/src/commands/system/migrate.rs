//! `cove system migrate`

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Stop all containers and bring their records, and the user's namespaces, up to date
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Give every container that OCI runtime
    #[arg(long, value_name = "RUNTIME")]
    new_runtime: Option<String>,
    /// Bring the database to its present form, which each command does by itself
    #[arg(long)]
    migrate_db: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    for id in context.engine().await?.system().migrate(args.new_runtime).await? {
        context.printer.line(&format!("stopped {id}"))?;
    }
    if args.migrate_db {
        context.printer.line("the database is up to date")?;
    }
    Ok(0)
}
