//! `cove compose kill`

use cove_project::FoundContainer;

use super::here::Here;
use super::progress::Progress;
use super::steps::together;
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Send a signal to the containers of services that run
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// The signal
    #[arg(long, short, value_name = "SIGNAL", default_value = "SIGKILL")]
    signal: String,
    /// Also to containers of services that the files do not have
    #[arg(long)]
    remove_orphans: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let signal = crate::args::signal(&args.signal)?;
    let here = Here::of(context, &args.services).await?;
    let services = here.services(&args.services);
    let orphans = args.remove_orphans && args.services.is_empty();
    let is_meant =
        |one: &&FoundContainer| one.state().is_alive() && (orphans || services.contains(&one.service));
    let containers: Vec<_> = here.found.containers.iter().filter(is_meant).collect();
    if containers.is_empty() {
        context.printer.error_line("no container to kill");
        return Ok(0);
    }
    let progress = Progress::of(context, here.line);
    let mut failures = Failures::default();
    let work = |one: &FoundContainer| {
        let (object, id) = (format!("Container {}", one.name), one.row.id.clone());
        let (progress, here) = (&progress, &here);
        async move {
            progress.step(&object, "Killing");
            here.engine.containers().kill(&id, signal).await?;
            progress.step(&object, "Killed");
            Ok::<(), CommandError>(())
        }
    };
    together(&here, containers, work, &mut failures).await;
    failures.finish()
}
