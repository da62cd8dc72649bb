//! `cove quadlet print`

use std::borrow::Cow;

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

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
    let data = context.engine().await?.quadlets().print(&args.names[0]).await?;
    match String::from_utf8_lossy(&data) {
        // What is no text is none for a terminal, but exact everywhere else.
        Cow::Owned(_) if !context.printer.out_is_terminal() => context.printer.bytes(&data)?,
        text => context.printer.text(&text)?,
    }
    Ok(0)
}
