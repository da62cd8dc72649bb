//! `cove context update`

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

use super::endpoint::of_options;

/// Change a context
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The context's name
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Where it leads: host=URL, and for tcp:// ca=FILE, cert=FILE, key=FILE; or from=CONTEXT
    #[arg(long, value_name = "KEY=VALUE,...")]
    docker: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] NAME", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.names, 1)?;
    let name = &args.names[0];
    let contexts = super::contexts(context)?;
    contexts.get(name)?;
    let endpoint = of_options(context, &contexts, &args.docker)?;
    contexts.update(name, args.description.as_deref(), endpoint.as_ref())?;
    context.printer.line(name)?;
    context.printer.error_line(&format!("Successfully updated context {name:?}"));
    Ok(0)
}
