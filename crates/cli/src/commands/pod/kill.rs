//! `cove pod kill`

use cove_api::PodState;

use super::{IdFiles, Targets};
use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Send a signal to the containers of pods
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: Targets,
    /// The signal
    #[arg(long, short, value_name = "SIGNAL", default_value = "KILL", hide_default_value = true)]
    signal: String,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] POD [POD...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let signal = crate::args::signal(&args.signal)?;
    let files = IdFiles::default();
    args.targets.check(&files)?;
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    let chosen =
        args.targets.choose(engine, &files, &[PodState::Running, PodState::Degraded], &mut failures).await?;
    let mut results = Vec::new();
    for pod in &chosen {
        results.push((pod, engine.pods().kill(&pod.id, signal).await));
    }
    super::report(context, results, true, &mut failures)?;
    failures.finish()
}
