//! `cove pod top`

use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Show the processes of a pod's containers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The pod, then perhaps columns as ps(1) names them
    #[arg(value_name = "POD [COLUMN...]")]
    words: Vec<String>,
    /// The newest pod
    #[arg(long, short)]
    latest: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] POD [COLUMN...]", false, Engine);

async fn run(context: &Context, args: Args) -> CommandResult {
    let engine = context.engine().await?;
    let mut words = args.words;
    if args.latest {
        words.insert(0, super::latest(engine).await?);
    }
    if words.is_empty() {
        return Err(CommandError::other("you must provide the name or id of a running pod"));
    }
    let name = words.remove(0);
    let columns = crate::commands::container::columns(&words);
    let report = engine.pods().top(&name, columns).await?;
    crate::commands::container::print_processes(context, &report)?;
    Ok(0)
}
