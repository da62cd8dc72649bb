//! `cove context use`

use cove_config::contexts::DEFAULT;
use cove_config::env;

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Choose the context that Docker's programs use
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The context's name, or "default"
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("NAME", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.names, 1)?;
    let name = args.names[0].as_str();
    super::contexts(context)?.configure(Some(name).filter(|name| *name != DEFAULT))?;
    context.printer.line(name)?;
    for variable in [env::DOCKER_HOST, env::DOCKER_CONTEXT] {
        if context.environment.get(variable).is_some_and(|value| !value.is_empty()) {
            context.printer.error_line(&format!(
                "Warning: {variable} environment variable overrides the active context. To use {name:?}, either set \
                 the global --context flag, or unset {variable} environment variable."
            ));
            break;
        }
    }
    context.printer.error_line(&format!("Current context is now {name:?}"));
    if name != DEFAULT && context.program != "docker" {
        context.printer.error_line(&format!(
            "Docker's programs use it, and {0} where it is called docker; {0} itself: {0} --context {name}",
            context.program
        ));
    }
    Ok(0)
}
