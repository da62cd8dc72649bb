//! `cove artifact rm`

use cove_api::ArtifactRemoveOptions;

use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove artifacts
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names, or beginnings of digests
    #[arg(value_name = "ARTIFACT")]
    artifacts: Vec<String>,
    /// Every artifact
    #[arg(long, short)]
    all: bool,
    /// One that is missing is no error
    #[arg(long, short)]
    ignore: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] ARTIFACT [ARTIFACT...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    match (args.all, args.artifacts.is_empty()) {
        (true, false) => {
            return Err(CommandError::other(
                "when using the --all switch, you may not pass any artifact names or digests",
            ));
        }
        (false, true) => {
            return Err(CommandError::other("at least one artifact name or digest must be specified"));
        }
        _ => {}
    }
    let options = ArtifactRemoveOptions { all: args.all, artifacts: args.artifacts, ignore: args.ignore };
    for digest in context.engine().await?.artifacts().remove(options).await? {
        context.printer.line(digest.strip_prefix("sha256:").unwrap_or(&digest))?;
    }
    Ok(0)
}
