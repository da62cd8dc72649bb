//! `cove kill`

use cove_api::ContainerState;

use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Send a signal to containers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: super::Targets,
    /// The signal, by name or number
    #[arg(long, short, value_name = "SIGNAL", default_value = "KILL")]
    signal: String,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let signal = crate::args::signal(&args.signal)?;
    args.targets.check()?;
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    for container in args
        .targets
        .choose(engine, &[ContainerState::Running, ContainerState::Paused], false, &mut failures)
        .await?
    {
        if failures.note(engine.containers().kill(&container.id, signal).await).is_some() {
            context.printer.line(&container.shown)?;
        }
    }
    failures.finish()
}
