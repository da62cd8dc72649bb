//! `cove artifact pull`

use crate::args::registry::RegistryArgs;
use crate::args::signing::DecryptionArgs;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Bring an artifact from a registry
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name with a registry, such as quay.io/org/name:tag
    #[arg(value_name = "ARTIFACT")]
    name: String,
    /// Say nothing
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    decryption: DecryptionArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] ARTIFACT");

async fn run(context: &Context, args: Args) -> CommandResult {
    args.decryption.refuse("an artifact")?;
    let access = args.registry.access()?;
    let digest = context.engine().await?.artifacts().pull(&args.name, access).await?;
    if !args.quiet {
        context.printer.line(&digest)?;
    }
    Ok(0)
}
