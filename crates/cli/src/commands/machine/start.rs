//! `cove machine start`

use cove_machine::{MachineName, Machines};

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Start a machine and wait for its engine
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Say only that it runs
    #[arg(long, short)]
    quiet: bool,
    /// No hints
    #[arg(long)]
    no_info: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.names, 1)?;
    start(context, &super::machines(context), &super::name(&args.names)?, args.quiet || args.no_info).await
}

/// Starts the machine and says so.
pub(crate) async fn start(
    context: &Context,
    machines: &Machines,
    name: &MachineName,
    quiet: bool,
) -> CommandResult {
    if !quiet {
        context.printer.error_line(&format!("Starting machine \"{name}\""));
    }
    let report = machines.start(name, &super::tell(&context.printer, quiet)).await?;
    if !quiet {
        for stage in &report.boot {
            tracing::debug!("guest: {stage:?}");
        }
        if let Some(accelerator) = &report.accelerator {
            context.printer.error_line(&format!("accelerator  {accelerator:>9}"));
        }
        context.printer.error_line(&format!("API forwarded to unix://{}", report.socket.display()));
    }
    context.printer.line(&format!("Machine \"{name}\" started successfully"))?;
    Ok(0)
}
