//! `cove network rm`

use cove_api::{Engine, ErrorKind, Filters, ListOptions, RemoveOptions};

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
    #[arg(long, short, value_name = "SECONDS", allow_hyphen_values = true, alias = "timeout", value_parser = crate::args::stop_time)]
    time: Option<u32>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] NETWORK [NETWORK...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.networks, 1)?;
    if args.time.is_some() && !args.force {
        return Err(CommandError::other("--force option must be specified to use the --time option"));
    }
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    for name in &args.networks {
        if let (Some(_), true) = (args.time, args.force) {
            // The engine would give the containers their own stop time.
            remove_members(engine, name, args.time, &mut failures).await?;
        }
        match engine.networks().remove(name, args.force).await {
            Ok(()) => context.printer.line(name)?,
            Err(error) if args.force && error.kind == ErrorKind::NotFound => {}
            Err(error) => failures.push(error),
        }
    }
    failures.finish_with(crate::commands::volume::remove::remove_exit_code)
}

/// Removes the containers on a network.
async fn remove_members(
    engine: &dyn Engine,
    network: &str,
    timeout: Option<u32>,
    failures: &mut Failures,
) -> Result<(), CommandError> {
    let filters = Filters::from([("network".to_owned(), vec![network.to_owned()])]);
    let members = engine.containers().list(ListOptions { all: true, filters, ..Default::default() }).await?;
    for member in members {
        let options = RemoveOptions { force: true, timeout, ..Default::default() };
        match engine.containers().remove(&member.id, options).await {
            Err(error) if error.kind != ErrorKind::NotFound => failures.push(error),
            _ => {}
        }
    }
    Ok(())
}
