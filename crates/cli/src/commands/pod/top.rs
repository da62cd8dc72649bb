//! `cove pod top`

use crate::command_error::CommandResult;
use crate::commands::{Leaf, container, leaf};
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
pub(crate) const COMMAND: Leaf = leaf!("[options] POD [COLUMN...]", BeforeArguments, Engine);

async fn run(context: &Context, args: Args) -> CommandResult {
    let engine = context.engine().await?;
    let latest = if args.latest { Some(super::latest(engine).await?) } else { None };
    let (name, columns) = container::processes_of(args.words, latest, "pod")?;
    let report = engine.pods().top(&name, columns).await?;
    container::print_processes(context, &report)?;
    Ok(0)
}
