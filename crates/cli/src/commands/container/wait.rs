//! `cove wait`

use std::pin::Pin;

use cove_api::{Engine, ErrorKind, WaitOptions};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

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
    /// Wait for the first of the containers alone
    #[arg(long)]
    exit_first_match: bool,
    /// A container that is missing is no error
    #[arg(long)]
    ignore: bool,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
    /// Taken for scripts, and checked: there is no pause between two looks, as changes are told at once
    #[arg(long, short, value_name = "DURATION")]
    interval: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

/// The containers and the states that are waited for.
#[cfg(target_os = "linux")]
pub(crate) fn described(args: &Args) -> (&[String], &[String]) {
    (&args.containers, &args.condition)
}

async fn run(context: &Context, args: Args) -> CommandResult {
    if let Some(interval) = &args.interval
        && interval.parse::<u64>().is_err()
    {
        cove_api::time::duration(interval)?;
    }
    let conditions = args.condition.iter().flat_map(|text| text.split(',')).map(str::parse);
    let options = WaitOptions { conditions: conditions.collect::<Result<_, cove_api::Error>>()? };
    let engine = context.engine().await?;
    let mut names: Vec<String> =
        args.containers.iter().map(|name| name.strip_prefix('/').unwrap_or(name).to_owned()).collect();
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
    let mut failures = Failures::default();
    if args.exit_first_match {
        if let Some(code) = first(engine, &names, &options, args.ignore, &mut failures).await {
            context.printer.line(&code.to_string())?;
            return Ok(0);
        }
        return failures.finish();
    }
    for name in &names {
        if let Some(code) = failures.note(one(engine, name, &options, args.ignore).await) {
            context.printer.line(&code.to_string())?;
        }
    }
    failures.finish()
}

/// The exit code of one container.
async fn one(engine: &dyn Engine, name: &str, options: &WaitOptions, ignore: bool) -> cove_api::Result<i32> {
    match engine.containers().wait(name, options.clone()).await {
        Err(error) if ignore && error.kind == ErrorKind::NotFound => Ok(-1),
        result => result,
    }
}

/// The exit code of the container that ends first; none where all failed.
async fn first(
    engine: &dyn Engine,
    names: &[String],
    options: &WaitOptions,
    ignore: bool,
    failures: &mut Failures,
) -> Option<i32> {
    let mut waits: FuturesUnordered<Pin<Box<dyn Future<Output = cove_api::Result<i32>> + '_>>> = names
        .iter()
        .map(|name| Box::pin(one(engine, name, options, ignore)) as Pin<Box<dyn Future<Output = _>>>)
        .collect();
    while let Some(result) = waits.next().await {
        if let Some(code) = failures.note(result) {
            return Some(code);
        }
    }
    None
}
