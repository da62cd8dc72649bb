//! `cove context create`

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

use super::endpoint::{of_context, of_options};

/// Name an engine elsewhere for Docker's programs and for --context
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
    /// Take description and endpoint of another context
    #[arg(long, value_name = "CONTEXT")]
    from: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] NAME", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.names, 1)?;
    let name = &args.names[0];
    let contexts = super::contexts(context)?;
    contexts.check_new(name)?;
    let endpoint = match (of_options(context, &contexts, &args.docker)?, &args.from) {
        (Some(_), Some(_)) => {
            return Err(CommandError::other("--docker and --from cannot be used together"));
        }
        (Some(endpoint), None) => endpoint,
        (None, from) => of_context(context, &contexts, from.as_deref().unwrap_or("default"))?,
    };
    let described = match (&args.description, &args.from) {
        (Some(text), _) => text.clone(),
        (None, Some(from)) if from != "default" => contexts.get(from)?.description().to_owned(),
        (None, _) => String::new(),
    };
    contexts.create(name, &described, &endpoint)?;
    context.printer.line(name)?;
    context.printer.error_line(&format!("Successfully created context {name:?}"));
    Ok(0)
}
