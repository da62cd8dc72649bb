//! `cove restart`

use cove_api::{ContainerState, StopOptions};

use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Stop containers and start them again
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: super::Targets,
    /// With --all, only those that run
    #[arg(long)]
    running: bool,
    /// Seconds before SIGKILL; -1 for ever
    #[arg(long, short, value_name = "SECONDS", allow_hyphen_values = true, alias = "timeout", value_parser = crate::args::stop_time)]
    time: Option<u32>,
    /// Count it as a restart by the restart policy: for the monitor of a container that is not well
    #[arg(long, hide = true)]
    counted: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let mut args = args;
    let targets = &args.targets;
    if args.running && targets.names.is_empty() && targets.cidfile.is_empty() && targets.filter.is_empty() {
        args.targets.all |= !targets.latest;
    }
    args.targets.check()?;
    let states: &[ContainerState] = if args.running { &[ContainerState::Running] } else { &[] };
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    let options = StopOptions { timeout: args.time, counted: args.counted, ..StopOptions::default() };
    for container in args.targets.choose(engine, states, false, &mut failures).await? {
        if failures.note(engine.containers().restart(&container.id, options.clone()).await).is_some() {
            context.printer.line(&container.shown)?;
        }
    }
    failures.finish()
}
