//! `cove artifact push`

use std::path::PathBuf;

use crate::args::registry::RegistryArgs;
use crate::args::signing::{EncryptionArgs, SigningArgs};
use crate::command_error::CommandResult;
use crate::commands::image::push::digest_file;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Bring an artifact to the registry of its name
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The artifact
    #[arg(value_name = "ARTIFACT")]
    name: String,
    /// Write the digest of the artifact to this file
    #[arg(long, value_name = "FILE")]
    digestfile: Option<PathBuf>,
    /// Say nothing
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    signing: SigningArgs,
    #[command(flatten)]
    encryption: EncryptionArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] ARTIFACT");

async fn run(context: &Context, args: Args) -> CommandResult {
    args.encryption.refuse("an artifact")?;
    args.signing.refuse("an artifact")?;
    let access = args.registry.access()?;
    let digest_file = args.digestfile.as_deref().map(digest_file).transpose()?;
    let digest = context.engine().await?.artifacts().push(&args.name, access).await?;
    if let Some(file) = digest_file {
        file.write(&digest)?;
    }
    if !args.quiet {
        context.printer.line(&digest)?;
    }
    Ok(0)
}
