//! `cove pause`

use cove_api::ContainerState;

use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Freeze all processes of containers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: super::Targets,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    args.targets.check()?;
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    for container in args.targets.choose(engine, &[ContainerState::Running], false, &mut failures).await? {
        if failures.note(engine.containers().pause(&container.id).await).is_some() {
            context.printer.line(&container.shown)?;
        }
    }
    failures.finish()
}
