//! `cove pod rm`

use cove_api::{ErrorKind, PodRemoveOptions};

use super::{IdFiles, Targets};
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove pods with their containers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    files: IdFiles,
    /// Also running containers, which are stopped first; missing pods are no error
    #[arg(long, short)]
    force: bool,
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
    if args.time.is_some() && !args.force {
        return Err(CommandError::other("--force option must be specified to use the --time option"));
    }
    args.targets.check(&args.files)?;
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    let ignore = args.force || args.ignore;
    let chosen = args.targets.choose(engine, &args.files, &[], &mut failures).await?;
    let options = PodRemoveOptions { force: args.force, timeout: args.time };
    let removals = chosen.iter().map(|pod| engine.pods().remove(&pod.id, options.clone()));
    let results = futures_util::future::join_all(removals).await;
    for (pod, result) in chosen.iter().zip(results) {
        let report = match result {
            Ok(report) => report,
            Err(error) if (ignore || args.targets.all) && error.kind == ErrorKind::NotFound => continue,
            Err(error) => {
                failures.push(CommandError::from(error));
                continue;
            }
        };
        let Some(error) = report.err else {
            context.printer.line(&report.id)?;
            if let Some(file) = &pod.file {
                failures.note(cove_sys::fs::remove_file(file));
            }
            continue;
        };
        failures.push(CommandError::other(error));
        for (container, error) in report.removed_ctrs {
            if let Some(error) = error {
                let text = format!("error removing container {container} from pod {}: {error}", report.id);
                failures.push(CommandError::other(text));
            }
        }
    }
    failures.finish_with(exit_code)
}

/// 1 where a pod is missing.
fn exit_code(errors: &[CommandError]) -> u8 {
    if errors.iter().any(|error| error.kind() == Some(ErrorKind::NotFound)) { 1 } else { 125 }
}
