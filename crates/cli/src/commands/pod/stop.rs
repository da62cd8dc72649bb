//! `cove pod stop`

use cove_api::{ErrorKind, PodStopOptions};

use super::{IdFiles, Targets};
use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Stop the containers of pods: their stop signals, then SIGKILL
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    files: IdFiles,
    /// A pod that is missing is no error
    #[arg(long, short)]
    ignore: bool,
    /// Seconds before SIGKILL; -1 for ever
    #[arg(long, short, value_name = "SECONDS", allow_hyphen_values = true, alias = "timeout", value_parser = crate::args::stop_time)]
    time: Option<u32>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] POD [POD...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    args.targets.check(&args.files)?;
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    let chosen = args.targets.choose(engine, &args.files, &[], &mut failures).await?;
    let options = PodStopOptions { timeout: args.time };
    // Side by side, so that waiting for one does not hold up the others.
    let stops = chosen.iter().map(|pod| engine.pods().stop(&pod.id, options.clone()));
    let results = futures_util::future::join_all(stops).await;
    let results = chosen
        .iter()
        .zip(results)
        .filter(|(_, result)| {
            !(args.ignore && result.as_ref().is_err_and(|error| error.kind == ErrorKind::NotFound))
        })
        .collect();
    super::report(context, results, false, &mut failures)?;
    failures.finish()
}
