//! `cove kill`

use cove_api::ContainerState;

use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Send a signal to containers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Every running container
    #[arg(long, short)]
    all: bool,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
    /// The signal, by name or number
    #[arg(long, short, value_name = "SIGNAL", default_value = "KILL")]
    signal: String,
    /// File with the id of a container
    #[arg(long, value_name = "FILE")]
    cidfile: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let signal = crate::args::signal(&args.signal)?;
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    let selection = super::Selection {
        names: &args.containers,
        all: args.all,
        latest: args.latest,
        cidfile: &args.cidfile,
        states: &[ContainerState::Running, ContainerState::Paused],
        ..Default::default()
    };
    for container in super::select(engine, &selection, &mut failures).await? {
        if failures.note(engine.containers().kill(&container.id, signal).await).is_some() {
            context.printer.line(&container.shown)?;
        }
    }
    failures.finish()
}
