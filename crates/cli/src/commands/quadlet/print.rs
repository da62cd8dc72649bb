//! `cove quadlet print`

use super::Quadlets;
use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Largest unit file, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Show a unit file
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name, such as web.container
    #[arg(value_name = "QUADLET")]
    names: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("QUADLET", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.names, 1)?;
    let path = Quadlets::open(context)?.find(&args.names[0])?;
    let text = cove_sys::read::bounded(&path, MAX_FILE)?.unwrap_or_default();
    context.printer.bytes(&text)?;
    Ok(0)
}
