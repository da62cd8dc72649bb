//! `cove unmount`

use cove_api::ErrorKind;

use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Unmount the root file systems of containers that `mount` has mounted
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Every container that is mounted
    #[arg(long, short)]
    all: bool,
    /// However often it was mounted
    #[arg(long, short)]
    force: bool,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let targets = super::Targets::<true, false> {
        names: args.containers,
        all: args.all,
        latest: args.latest,
        ..Default::default()
    };
    targets.check()?;
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    for container in targets.choose(engine, &[], false, &mut failures).await? {
        let result = engine.files().unmount(&container.id, args.force).await;
        // Of all, only those that are mounted are meant, and none that runs.
        if args.all
            && result.as_ref().is_err_and(|error| {
                matches!(error.kind, ErrorKind::WrongState | ErrorKind::InUse | ErrorKind::NotFound)
            })
        {
            continue;
        }
        if failures.note(result).is_some() {
            context.printer.line(&container.shown)?;
        }
    }
    failures.finish()
}
