//! `cove machine default`

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Show the machine that commands go to, or choose one
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The machine whose connection becomes the default one
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[NAME]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.names, 1)?;
    let machines = super::machines(context);
    if args.names.is_empty() {
        let name = machines
            .default_machine()
            .ok_or_else(|| CommandError::other("the default connection is no machine's"))?;
        context.printer.line(name.as_str())?;
    } else {
        machines.set_default_machine(&super::name(&args.names)?)?;
    }
    Ok(0)
}
