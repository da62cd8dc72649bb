//! `cove machine rm`

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove a machine with everything in it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Do not ask; switch it off where it runs; a missing one is no error
    #[arg(long, short)]
    force: bool,
    /// Keep its disk as a file
    #[arg(long)]
    save_image: bool,
    /// Refused: there is no such file
    #[arg(long, hide = true)]
    save_ignition: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.names, 1)?;
    if args.save_ignition {
        return Err(CommandError::other(
            "--save-ignition: a machine has no Ignition file; what it is told at each start is in its definition",
        ));
    }
    let name = super::name(&args.names)?;
    let machines = super::machines(context);
    if !args.force {
        let condemned = machines.condemned(&name, args.save_image)?;
        context.printer.line("The following files will be deleted:\n")?;
        for path in condemned {
            context.printer.line(&path.display().to_string())?;
        }
        context.printer.line("")?;
        if !super::is_sure()? {
            return Ok(0);
        }
    }
    if let Some(disk) = machines.remove(&name, args.force, args.save_image).await? {
        context.printer.error_line(&format!("The disk is now {}", disk.display()));
    }
    Ok(0)
}
