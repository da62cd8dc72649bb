//! `cove context rm`

use cove_config::contexts::DEFAULT;

use crate::args::at_least;
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::connect::docker::Current;
use crate::context::Context;

/// Remove contexts
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Also one in use; what is not there is no error
    #[arg(long, short)]
    force: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] NAME [NAME...]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.names, 1)?;
    let contexts = super::contexts(context)?;
    let in_use = super::in_use(context, &contexts)?;
    let remove = |name: &str| -> Result<(), CommandError> {
        if name == DEFAULT {
            return Err(CommandError::other("context \"default\" cannot be removed"));
        }
        let is_used = in_use == Current::Named(name.to_owned());
        if is_used && !args.force {
            return Err(CommandError::other(format!(
                "context {name:?} is in use, set -f flag to force remove"
            )));
        }
        match contexts.remove(name) {
            Err(cove_config::Error::ContextNotFound { .. }) if args.force => {}
            Err(cove_config::Error::ContextNotFound { .. }) => {
                return Err(CommandError::other(format!("context {name:?} does not exist")));
            }
            other => other?,
        }
        // Nothing may name one that is gone.
        if contexts.configured()?.as_deref() == Some(name) {
            contexts.configure(None)?;
        }
        Ok(())
    };
    let mut failures = Failures::default();
    for name in &args.names {
        if failures.note(remove(name)).is_some() {
            context.printer.line(name)?;
        }
    }
    failures.finish()
}
