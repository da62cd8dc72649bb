//! `cove compose stop`

use super::here::Here;
use super::progress::Progress;
use super::steps::{self, Way, each};
use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Stop services, first those that depend on others
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Seconds before SIGKILL; -1 for ever
    #[arg(long, short, value_name = "SECONDS", allow_hyphen_values = true, value_parser = crate::args::stop_time)]
    timeout: Option<u32>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let here = Here::of(context, &args.services).await?;
    let progress = Progress::of(context, here.line);
    let mut failures = Failures::default();
    let work = |one| steps::stop(here.engine, &progress, one, args.timeout);
    each(&here, &here.services(&args.services), Way::Down, work, &mut failures).await;
    failures.finish()
}
