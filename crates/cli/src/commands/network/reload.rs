//! `cove network reload`

use cove_api::{ContainerState, ErrorKind};

use crate::command_error::{CommandResult, Failures};
use crate::commands::container::targets::Targets;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Bring back what containers' networks need of the host, such as firewall rules that others have cleared
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
    /// Every running container
    #[arg(long, short)]
    all: bool,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let Args { names, all, latest } = args;
    let targets: Targets = Targets { names, all, latest, ..Targets::default() };
    targets.check()?;
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    let chosen =
        targets.choose(engine, &[ContainerState::Running, ContainerState::Paused], false, &mut failures);
    for container in chosen.await? {
        match engine.networks().reload(&container.id).await {
            Ok(()) => context.printer.line(&container.shown)?,
            // Of all, those that are on no network, or have ended meanwhile, are not meant.
            Err(error)
                if all
                    && matches!(
                        error.kind,
                        ErrorKind::InvalidArgument | ErrorKind::WrongState | ErrorKind::NotFound
                    ) => {}
            Err(error) => failures.push(error),
        }
    }
    failures.finish()
}
