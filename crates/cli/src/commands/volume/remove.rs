//! `cove volume rm`

use cove_api::{ErrorKind, VolumeListOptions, VolumeRemoveOptions};

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove volumes with their data
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names
    #[arg(value_name = "VOLUME")]
    volumes: Vec<String>,
    /// Every volume
    #[arg(long, short)]
    all: bool,
    /// Also the containers that use them; missing volumes are no error
    #[arg(long, short)]
    force: bool,
    /// Seconds before SIGKILL for those containers
    #[arg(long, short, value_name = "SECONDS", allow_hyphen_values = true, alias = "timeout", value_parser = crate::args::stop_time)]
    time: Option<u32>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] VOLUME [VOLUME...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.time.is_some() && !args.force {
        return Err(CommandError::other("--force option must be specified to use the --time option"));
    }
    if args.all != args.volumes.is_empty() {
        return Err(CommandError::other("choose either one or more volumes or all"));
    }
    let engine = context.engine().await?;
    let names = if args.all {
        let volumes = engine.volumes().list(VolumeListOptions::default()).await?;
        volumes.into_iter().map(|volume| volume.name).collect()
    } else {
        args.volumes
    };
    let options = VolumeRemoveOptions { force: args.force, timeout: args.time };
    let mut failures = Failures::default();
    for name in &names {
        match engine.volumes().remove(name, options).await {
            Ok(()) => context.printer.line(name)?,
            Err(error) if args.force && error.kind == ErrorKind::NotFound => {}
            Err(error) => failures.push(error),
        }
    }
    failures.finish_with(remove_exit_code)
}

/// 1 where something is missing, 2 where something is in use.
pub(crate) fn remove_exit_code(errors: &[CommandError]) -> u8 {
    let any = |kind: ErrorKind| errors.iter().any(|error| error.kind() == Some(kind));
    if any(ErrorKind::InUse) {
        2
    } else if any(ErrorKind::NotFound) {
        1
    } else {
        125
    }
}
