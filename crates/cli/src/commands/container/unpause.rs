//! `cove unpause`

use cove_api::ContainerState;

use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Let frozen containers go on
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Every paused container
    #[arg(long, short)]
    all: bool,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
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
    let selection = super::Selection {
        names: &args.containers,
        all: args.all,
        latest: args.latest,
        filter: &args.filter,
        cidfile: &args.cidfile,
        states: &[ContainerState::Paused],
        ..Default::default()
    };
    for container in super::select(engine, &selection, &mut failures).await? {
        if failures.note(engine.containers().unpause(&container.id).await).is_some() {
            context.printer.line(&container.shown)?;
        }
    }
    failures.finish()
}
