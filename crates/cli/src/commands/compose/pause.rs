//! `cove compose pause`

use cove_project::FoundContainer;

use super::here::Here;
use super::progress::Progress;
use super::steps::together;
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Freeze the containers of services
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    freeze(context, &args.services, true).await
}

/// Freezes the containers of services that run, or lets them go on.
pub(super) async fn freeze(context: &Context, services: &[String], on: bool) -> CommandResult {
    let here = Here::of(context, services).await?;
    let mut containers = here.containers(services);
    containers.retain(|one| one.state().is_alive());
    let progress = Progress::of(context, here.line);
    let mut failures = Failures::default();
    let work = |one: &FoundContainer| {
        let (object, id) = (format!("Container {}", one.name), one.row.id.clone());
        let (progress, engine) = (&progress, here.engine);
        async move {
            let (done, text) = match on {
                true => (engine.containers().pause(&id).await, "Paused"),
                false => (engine.containers().unpause(&id).await, "Unpaused"),
            };
            done?;
            progress.step(&object, text);
            Ok::<(), CommandError>(())
        }
    };
    together(&here, containers, work, &mut failures).await;
    failures.finish()
}
