//! `cove compose start`

use cove_project::run::{Awaited, completed, until};
use cove_project::{FoundContainer, Graph};

use super::here::Here;
use super::progress::Progress;
use super::steps::{Way, each};
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Start the containers of services that are there, first what they depend on
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let here = Here::of(context, &args.services).await?;
    let graph = Graph::of(&here.found);
    let services = graph.with_dependencies(&here.services(&args.services));
    if let Some(name) = services.iter().find(|name| here.containers(std::slice::from_ref(name)).is_empty()) {
        return Err(CommandError::other(format!("service {name:?} has no container to start")));
    }
    let progress = Progress::of(context, here.line);
    let mut failures = Failures::default();
    let work = |one| start(&here, &graph, &progress, one);
    each(&here, &services, Way::Up, work, &mut failures).await;
    failures.finish()
}

async fn start(
    here: &Here<'_>,
    graph: &Graph,
    progress: &Progress<'_>,
    container: &FoundContainer,
) -> Result<(), CommandError> {
    if container.state().is_alive() {
        return Ok(());
    }
    for (name, dependency) in graph.dependencies(&container.service) {
        for on in here.containers(&[name.to_owned()]) {
            match dependency.condition.as_str() {
                "service_healthy" => until(here.engine, &on.name, Awaited::Healthy)
                    .await
                    .map_err(|error| error.context("dependency failed to start"))?,
                "service_completed_successfully" => completed(here.engine, &on.name, name).await?,
                _ => {}
            }
        }
    }
    let object = format!("Container {}", container.name);
    progress.step(&object, "Starting");
    here.engine.containers().start(&container.row.id).await?;
    progress.step(&object, "Started");
    Ok(())
}
