//! `cove compose restart`

use cove_api::{Engine, StopOptions};
use cove_project::run::{Event, Sink, Status, thaw};
use cove_project::{FoundContainer, Graph};

use super::here::Here;
use super::steps::{Way, each};
use super::up::sink;
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
    let tell = sink(context, here.line);
    let mut failures = Failures::default();
    let work = |one| restart(here.engine, one, args.timeout, &tell);
    each(&here, &services, Way::Up, work, &mut failures).await;
    failures.finish()
}

/// Restarts a container, and tells it.
///
/// # Errors
/// The engine's.
pub(super) async fn restart(
    engine: &dyn Engine,
    container: &FoundContainer,
    timeout: Option<u32>,
    tell: Sink<'_>,
) -> Result<(), CommandError> {
    let step = |text: &str, status| {
        tell(Event { object: format!("Container {}", container.name), text: text.to_owned(), status });
    };
    step("Restarting", Status::Working);
    thaw(engine, container).await?;
    let options = StopOptions { timeout, ..StopOptions::default() };
    engine.containers().restart(&container.row.id, options).await?;
    step("Started", Status::Done);
    Ok(())
}
