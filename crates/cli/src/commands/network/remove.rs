//! `cove network rm`

use cove_api::ErrorKind;

use crate::args::at_least;
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove networks
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "NETWORK")]
    networks: Vec<String>,
    /// Also the containers on them; missing networks are no error
    #[arg(long, short)]
    force: bool,
    /// Seconds before SIGKILL for those containers
    #[arg(long, short, value_name = "SECONDS", allow_hyphen_values = true, alias = "timeout")]
    time: Option<i64>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] NETWORK [NETWORK...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.networks, 1)?;
    if args.time.is_some() {
        let complaint = if args.force {
            "--time is not supported by this version: containers get their own stop time"
        } else {
            "--force option must be specified to use the --time option"
        };
        return Err(CommandError::other(complaint));
    }
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    for name in &args.networks {
        match engine.networks().remove(name, args.force).await {
            Ok(()) => context.printer.line(name)?,
            Err(error) if args.force && error.kind == ErrorKind::NotFound => {}
            Err(error) => failures.push(error),
        }
    }
    failures.finish_with(crate::commands::volume::remove::remove_exit_code)
}
