//! `cove machine reset`

use crate::args::at_most;
use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove all machines with everything in them
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    force: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let machines = super::machines(context);
    if !args.force {
        let listed = machines.list().await?;
        context
            .printer
            .line("Warning: this command will delete all existing machines, also those that run,")?;
        context.printer.line("and the disks that \"machine rm --save-image\" has kept")?;
        context.printer.line("\nThe following machine(s) will be deleted:\n")?;
        for machine in &listed {
            context.printer.line(&machine.name)?;
        }
        context.printer.line("")?;
        if !super::is_sure()? {
            return Ok(0);
        }
    }
    let mut failures = Failures::default();
    for error in machines.reset().await {
        failures.push(error);
    }
    failures.finish()
}
