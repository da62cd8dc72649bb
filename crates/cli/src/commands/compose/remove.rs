//! `cove compose rm`

use cove_api::RemoveOptions;
use cove_project::FoundContainer;

use super::here::Here;
use super::progress::Progress;
use super::steps::{self, Way, each, together};
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove the containers of services that do not run
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    force: bool,
    /// Stop them first
    #[arg(long, short)]
    stop: bool,
    /// Also their anonymous volumes
    #[arg(long, short)]
    volumes: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let mut here = Here::of(context, &args.services).await?;
    let mut failures = Failures::default();
    if args.stop {
        let progress = Progress::of(context, here.line);
        let work = |one| steps::stop(here.engine, &progress, one, None);
        each(&here, &here.services(&args.services), Way::Down, work, &mut failures).await;
        here.look_again().await?;
    }
    let progress = Progress::of(context, here.line);
    let mut containers = here.containers(&args.services);
    containers.retain(|one| !one.state().is_alive());
    if containers.is_empty() {
        context.printer.error_line("No stopped containers");
        return failures.finish();
    }
    let names: Vec<&str> = containers.iter().map(|one| one.name.as_str()).collect();
    let what = cove_api::shown::line(&format!("Going to remove {}", names.join(", "))).into_owned();
    if args.force {
        context.printer.line(&what)?;
    } else {
        // No answer is none that agrees.
        let answer = crate::terminal::ask(&format!("{what} [y/N] ")).unwrap_or_default();
        if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
            return failures.finish();
        }
    }
    let work = |one: &FoundContainer| {
        let (object, id) = (format!("Container {}", one.name), one.row.id.clone());
        let (progress, here) = (&progress, &here);
        async move {
            progress.step(&object, "Removing");
            // Without force: one that was started meanwhile stays.
            let options = RemoveOptions { volumes: args.volumes, ..RemoveOptions::default() };
            let reports = here.engine.containers().remove(&id, options).await?;
            for report in reports {
                if let Some(error) = report.error {
                    return Err(CommandError::other(error));
                }
            }
            progress.step(&object, "Removed");
            Ok(())
        }
    };
    together(&here, containers, work, &mut failures).await;
    failures.finish()
}
