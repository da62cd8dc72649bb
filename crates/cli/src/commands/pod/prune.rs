//! `cove pod prune`

use cove_api::{PodListOptions, PodState};

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::common::confirmed;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::render::short_id;

/// Remove pods that have run and of which nothing runs any more
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    force: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let engine = context.engine().await?;
    if !args.force {
        let pods = engine.pods().list(PodListOptions::default()).await?;
        let ended = pods.iter().filter(|pod| matches!(pod.status, PodState::Exited | PodState::Stopped));
        let names = ended.map(|pod| short_id(&pod.id));
        if !confirmed(context, false, "all stopped/exited pods..", names)? {
            return Ok(0);
        }
    }
    let mut failures = Failures::default();
    for report in engine.pods().prune().await? {
        match report.err {
            None => context.printer.line(&report.id)?,
            Some(error) => failures.push(CommandError::other(error)),
        }
    }
    failures.finish()
}
