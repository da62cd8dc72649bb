//! `cove volume inspect`

use cove_api::VolumeListOptions;

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::common::print_inspected;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::to_value;

/// Show all about volumes
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names
    #[arg(value_name = "VOLUME")]
    volumes: Vec<String>,
    /// Every volume
    #[arg(long, short)]
    all: bool,
    /// Output as json or by a Go template
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] VOLUME [VOLUME...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.all != args.volumes.is_empty() {
        return Err(CommandError::other("provide one or more volume names or use --all"));
    }
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    let mut found = Vec::new();
    if args.all {
        let volumes = engine.volumes().list(VolumeListOptions::default()).await?;
        found.extend(volumes.iter().map(to_value));
    }
    for name in &args.volumes {
        found.extend(failures.note(engine.volumes().inspect(name).await).map(|volume| to_value(&volume)));
    }
    print_inspected(context, found, args.format.as_deref())?;
    failures.finish()
}
