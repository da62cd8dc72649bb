//! `cove compose unpause`

use cove_project::FoundContainer;

use super::here::Here;
use super::progress::Progress;
use super::steps::together;
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Let frozen services go on
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
    let mut containers = here.containers(&args.services);
    containers.retain(|one| one.state().is_alive());
    let progress = Progress::of(context, here.line);
    let mut failures = Failures::default();
    let work = |one: &FoundContainer| {
        let (object, id) = (format!("Container {}", one.name), one.row.id.clone());
        let (progress, here) = (&progress, &here);
        async move {
            here.engine.containers().unpause(&id).await?;
            progress.step(&object, "Unpaused");
            Ok::<(), CommandError>(())
        }
    };
    together(&here, containers, work, &mut failures).await;
    failures.finish()
}
