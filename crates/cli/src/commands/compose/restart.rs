//! `cove compose restart`

use cove_api::StopOptions;
use cove_project::run::thaw;
use cove_project::{FoundContainer, Graph};

use super::here::Here;
use super::progress::Progress;
use super::steps::{Way, each};
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Restart services, and those that are to be restarted with them
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Not those that depend on them
    #[arg(long)]
    no_deps: bool,
    /// Seconds before SIGKILL; -1 for ever
    #[arg(long, short, value_name = "SECONDS", allow_hyphen_values = true, value_parser = crate::args::stop_time)]
    timeout: Option<u32>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let here = Here::of(context, &args.services).await?;
    let mut services = here.services(&args.services);
    if !args.no_deps {
        services = Graph::of(&here.found).with_restarted(&services);
    }
    let progress = Progress::of(context, here.line);
    let mut failures = Failures::default();
    let work = |one| restart(&here, &progress, one, args.timeout);
    each(&here, &services, Way::Up, work, &mut failures).await;
    failures.finish()
}

async fn restart(
    here: &Here<'_>,
    progress: &Progress<'_>,
    container: &FoundContainer,
    timeout: Option<u32>,
) -> Result<(), CommandError> {
    let object = format!("Container {}", container.name);
    progress.step(&object, "Restarting");
    thaw(here.engine, container).await?;
    let options = StopOptions { timeout, ..StopOptions::default() };
    here.engine.containers().restart(&container.row.id, options).await?;
    progress.step(&object, "Started");
    Ok(())
}
