//! `cove pod clone`

use cove_api::PodCopyOptions;

use crate::args::spec::PodChangeArgs;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Make a pod like another, with containers like that one's
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The pod, then perhaps a name for the new one
    #[arg(value_name = "POD [NAME]")]
    words: Vec<String>,
    /// Name of the new pod; without one, the old name with -clone after it
    #[arg(long, short = 'n', value_name = "NAME")]
    name: Option<String>,
    /// Remove the old pod
    #[arg(long)]
    destroy: bool,
    /// Start the new pod
    #[arg(long)]
    start: bool,
    /// Host name
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    hostname: Option<String>,
    /// What the container that holds the namespaces runs
    #[arg(long, value_name = "COMMAND")]
    infra_command: Option<String>,
    /// Name of that container
    #[arg(long, value_name = "NAME")]
    infra_name: Option<String>,
    #[command(flatten)]
    changes: PodChangeArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] POD [NAME]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let (pod, name) = match args.words.as_slice() {
        [pod] => (pod, None),
        [pod, name] => (pod, Some(name.clone())),
        words => {
            return Err(CommandError::other(format!(
                "accepts between 1 and 2 arg(s), received {}",
                words.len()
            )));
        }
    };
    if name.is_some() && args.name.is_some() {
        return Err(CommandError::other("cannot specify --name and NAME at the same time"));
    }
    let mut changes = args.changes.build(context)?;
    changes.name = name.or(args.name).unwrap_or_default();
    if let Some(name) = args.hostname {
        cove_spec::name::hostname(&name)?;
        changes.hostname = name;
    }
    changes.infra_name = args.infra_name.unwrap_or_default();
    changes.infra_command =
        args.infra_command.as_deref().map(cove_spec::policy::entrypoint).unwrap_or_default();
    let options = PodCopyOptions { destroy: args.destroy, start: args.start, changes };
    let created = context.engine().await?.pods().copy(pod, options).await?;
    context.printer.line(&created.id)?;
    Ok(0)
}
