//! `cove machine rm`

use std::io::IsTerminal;

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::terminal::ask;

/// Remove a machine with everything in it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Do not ask; switch it off where it runs; a missing one is no error
    #[arg(long, short)]
    force: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.names, 1)?;
    let name = super::name(&args.names)?;
    let machines = super::machines(context);
    if !args.force {
        machines.inspect(&name).await?;
        if !std::io::stdin().is_terminal() {
            return Err(CommandError::other(format!(
                "removing the machine {name:?} needs a confirmation: use --force where there is no terminal"
            )));
        }
        let question =
            format!("The machine \"{name}\" and everything in it will be removed. Continue? [y/N] ");
        if !matches!(ask(&question)?.trim().to_lowercase().as_str(), "y" | "yes") {
            return Ok(0);
        }
    }
    machines.remove(&name, args.force).await?;
    Ok(0)
}
