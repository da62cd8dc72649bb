//! `cove rm`

use cove_api::{ErrorKind, RemoveOptions};

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove containers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: super::Targets<true, false>,
    /// Also running containers, which are stopped first; missing ones are no error
    #[arg(long, short)]
    force: bool,
    /// A container that is missing is no error
    #[arg(long, short)]
    ignore: bool,
    /// Also the containers that depend on it
    #[arg(long)]
    depend: bool,
    /// Also its anonymous volumes
    #[arg(long, short)]
    volumes: bool,
    /// Seconds before SIGKILL; -1 for ever
    #[arg(long, short, value_name = "SECONDS", allow_hyphen_values = true, alias = "timeout", value_parser = crate::args::stop_time)]
    time: Option<u32>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.time.is_some() && !args.force {
        return Err(CommandError::other("--force option must be specified to use the --time option"));
    }
    args.targets.check()?;
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    let ignore = args.ignore || args.force;
    let options = RemoveOptions {
        force: args.force,
        volumes: args.volumes,
        timeout: args.time,
        // Every container goes, in whatever order.
        depend: args.depend || args.targets.all,
        ..RemoveOptions::default()
    };
    let chosen = args.targets.choose(engine, &[], ignore, &mut failures).await?;
    let removals = chosen.iter().map(|container| engine.containers().remove(&container.id, options.clone()));
    let results = futures_util::future::join_all(removals).await;
    for (container, result) in chosen.iter().zip(results) {
        let reports = match result {
            Ok(reports) => reports,
            // With --all, another one's removal may have taken this one along.
            Err(error) if (ignore || args.targets.all) && error.kind == ErrorKind::NotFound => continue,
            Err(error) => {
                failures.push(CommandError::from(error));
                continue;
            }
        };
        let single = reports.len() == 1;
        for report in reports {
            match report.error {
                Some(error) => failures.push(CommandError::other(error)),
                None if single => context.printer.line(&container.shown)?,
                None => context.printer.line(&report.id)?,
            }
        }
    }
    failures.finish_with(exit_code)
}

/// 1 for a missing container, 2 for one whose state does not allow it; the last such failure decides.
fn exit_code(errors: &[CommandError]) -> u8 {
    let codes = errors.iter().filter_map(|error| match error.kind() {
        Some(ErrorKind::NotFound) => Some(1),
        Some(ErrorKind::WrongState) => Some(2),
        _ => None,
    });
    codes.fold(125, |_, code| code)
}
