//! `cove machine start`

use std::io::IsTerminal as _;

use cove_machine::{MachineName, Machines};

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
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
    #[command(flatten)]
    default: UpdateConnection,
}

/// Whether the machine's connection becomes the default one.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct UpdateConnection {
    /// Commands without a connection go to this machine from now on; without the option a terminal is asked
    #[arg(long, short, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    update_connection: Option<bool>,
}

impl UpdateConnection {
    /// Whether the command line says so or not so.
    pub(crate) fn is_given(self) -> bool {
        self.update_connection.is_some()
    }
}

/// What a start tells on the way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    /// Nothing but its success.
    pub(crate) quiet: bool,
    /// No hints.
    pub(crate) no_info: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.names, 1)?;
    let told = Told { quiet: args.quiet, no_info: args.no_info };
    start(context, &super::machines(context), &super::name(&args.names)?, told, args.default).await
}

/// Starts the machine and says so.
pub(crate) async fn start(
    context: &Context,
    machines: &Machines,
    name: &MachineName,
    told: Told,
    default: UpdateConnection,
) -> CommandResult {
    let Told { quiet, no_info } = told;
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
    }
    if !quiet && !no_info {
        let socket = report.socket.display();
        context.printer.error_line(&format!("API forwarded to unix://{socket}"));
        context.printer.error_line(&format!("For Docker's clients: export DOCKER_HOST='unix://{socket}'"));
    }
    if becomes_default(machines, name, default)? {
        machines.set_default_machine(name)?;
    }
    context.printer.line(&format!("Machine \"{name}\" started successfully"))?;
    Ok(0)
}

/// Whether the default connection is to change, as the option says or the user answers.
fn becomes_default(
    machines: &Machines,
    name: &MachineName,
    asked: UpdateConnection,
) -> Result<bool, CommandError> {
    if let Some(wanted) = asked.update_connection {
        return Ok(wanted);
    }
    if machines.default_machine().as_ref() == Some(name) || !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    let question = format!("Commands go elsewhere by default. Shall they go to the machine {name}? [y/N] ");
    let answer = crate::terminal::ask(&question)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
