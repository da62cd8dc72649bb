//! `cove restart`

use cove_api::{ContainerState, StopOptions};

use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Stop containers and start them again
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Every container
    #[arg(long, short)]
    all: bool,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
    /// With --all, only those that run
    #[arg(long)]
    running: bool,
    /// Seconds before SIGKILL; below 0 for ever
    #[arg(long, short, value_name = "SECONDS", allow_hyphen_values = true, alias = "timeout")]
    time: Option<i64>,
    /// Only containers for which that is true
    #[arg(long, short, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// File with the id of a container
    #[arg(long, value_name = "FILE")]
    cidfile: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    let no_names = args.containers.is_empty() && args.cidfile.is_empty();
    let selection = super::Selection {
        names: &args.containers,
        all: args.all || (args.running && no_names && args.filter.is_empty()),
        latest: args.latest,
        filter: &args.filter,
        cidfile: &args.cidfile,
        states: if args.running { &[ContainerState::Running] } else { &[] },
        ignore: false,
    };
    let options = StopOptions { timeout: super::stop::timeout(args.time), ..StopOptions::default() };
    for container in super::select(engine, &selection, &mut failures).await? {
        if failures.note(engine.containers().restart(&container.id, options.clone()).await).is_some() {
            context.printer.line(&container.shown)?;
        }
    }
    failures.finish()
}
