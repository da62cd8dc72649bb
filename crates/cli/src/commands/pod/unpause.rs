//! `cove pod unpause`

use cove_api::PodState;

use super::{IdFiles, Targets};
use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Thaw the containers of pods
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: Targets,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] POD [POD...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let files = IdFiles::default();
    args.targets.check(&files)?;
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    let chosen = args.targets.choose(engine, &files, &[PodState::Paused], &mut failures).await?;
    let mut results = Vec::new();
    for pod in &chosen {
        results.push((pod, engine.pods().unpause(&pod.id).await));
    }
    super::report(context, results, true, &mut failures)?;
    failures.finish()
}
