//! `cove pod start`

use super::{IdFiles, Targets};
use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Start the containers of pods
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    files: IdFiles,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] POD [POD...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let files = args.files;
    args.targets.check(&files)?;
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    let chosen = args.targets.choose(engine, &files, &[], &mut failures).await?;
    let mut results = Vec::new();
    for pod in &chosen {
        results.push((pod, engine.pods().start(&pod.id).await));
    }
    super::report(context, results, false, &mut failures)?;
    failures.finish()
}
