//! `cove quadlet rm`

use cove_api::{QuadletRemoveOptions, QuadletSelection};

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove unit files with all of their applications
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names of units, or of applications as the list shows them
    #[arg(value_name = "QUADLET")]
    names: Vec<String>,
    /// Every one
    #[arg(long, short)]
    all: bool,
    /// Also those whose services run, which are stopped
    #[arg(long, short)]
    force: bool,
    /// Missing ones are no error
    #[arg(long, short)]
    ignore: bool,
    /// Have systemd read its units again
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    reload_systemd: Option<bool>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] QUADLET [QUADLET...]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.names.is_empty() && !args.all {
        return Err(CommandError::other("at least one quadlet file must be selected"));
    }
    if args.all && !args.names.is_empty() {
        return Err(CommandError::other("--all removes every one: no names can be given with it"));
    }
    let selection = QuadletSelection { all: args.all, quadlets: args.names };
    let options = QuadletRemoveOptions {
        force: args.force,
        ignore: args.ignore,
        reload_systemd: args.reload_systemd.unwrap_or(true),
    };
    let report = context.engine().await?.quadlets().remove(selection, options).await?;
    report.removed.iter().try_for_each(|name| context.printer.line(name))?;
    let mut failures = Failures::default();
    for (name, error) in report.errors {
        failures.push(CommandError::other(format!("unable to remove Quadlet {name}: {error}")));
    }
    failures.finish()
}
