//! `cove wait`

use cove_api::{ErrorKind, WaitOptions};

use crate::args::at_least;
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Wait until containers end, and print their exit codes
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Wait for that state instead: created, running, paused, stopped, exited, removing, ...
    #[arg(long, value_name = "STATE")]
    condition: Vec<String>,
    /// A container that is missing is no error
    #[arg(long)]
    ignore: bool,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
    /// Accepted for scripts: the engine is told of changes, it does not look at intervals
    #[arg(long, short, value_name = "DURATION", hide = true)]
    interval: Option<String>,
    /// Wait at most that long for one of them, then end with an error
    #[arg(long, hide = true)]
    return_on_first: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.return_on_first {
        return Err(CommandError::other("--return-on-first is not supported by this version"));
    }
    if let Some(interval) = &args.interval
        && interval.parse::<u64>().is_err()
    {
        cove_api::time::duration(interval)?;
    }
    let engine = context.engine().await?;
    let mut names = args.containers;
    if args.latest {
        if !names.is_empty() {
            return Err(CommandError::other("--latest and containers cannot be used together"));
        }
        names.push(super::latest(engine).await?);
    }
    at_least(&names, 1).map_err(|_| {
        CommandError::other(format!(
            "{:?} requires a name, id, or the \"--latest\" flag",
            context.command_name()
        ))
    })?;
    let options = WaitOptions {
        conditions: args.condition.iter().flat_map(|text| text.split(',')).map(str::to_owned).collect(),
    };
    let mut failures = Failures::default();
    for name in &names {
        match engine.containers().wait(name, options.clone()).await {
            Ok(code) => context.printer.line(&code.to_string())?,
            Err(error) if args.ignore && error.kind == ErrorKind::NotFound => context.printer.line("-1")?,
            Err(error) => failures.push(error),
        }
    }
    failures.finish()
}
