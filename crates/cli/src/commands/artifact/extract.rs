//! `cove artifact extract`

use std::path::PathBuf;

use cove_api::ArtifactExtractOptions;

use crate::command_error::{CommandError, CommandResult};
use crate::commands::untar::untar;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Write the files of an artifact to a folder, or one of them to a file
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The artifact
    #[arg(value_name = "ARTIFACT")]
    name: String,
    /// The folder or file
    #[arg(value_name = "PATH")]
    target: String,
    /// Only the file with this digest
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    /// Only the file of this name
    #[arg(long, value_name = "NAME")]
    title: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] ARTIFACT PATH");

async fn run(context: &Context, args: Args) -> CommandResult {
    let options = ArtifactExtractOptions {
        digest: args.digest.unwrap_or_default(),
        title: args.title.unwrap_or_default(),
        exclude_title: false,
    };
    if !options.digest.is_empty() && !options.title.is_empty() {
        return Err(CommandError::other("cannot specify both digest and title"));
    }
    let engine = context.engine().await?;
    let is_folder = cove_sys::fs::metadata(&args.target).is_ok_and(|found| found.is_dir());
    if !is_folder && options.digest.is_empty() && options.title.is_empty() {
        let artifact = engine.artifacts().inspect(&args.name).await?;
        if artifact.files().count() > 1 {
            return Err(CommandError::other(format!(
                "the artifact consists of several blobs and the target {:?} is not a directory and neither digest or title was specified to only copy a single blob",
                args.target
            )));
        }
    }
    let archive = engine.artifacts().extract(&args.name, options).await?;
    let target = PathBuf::from(args.target);
    // What the files are called was checked by who made the archive, and is checked again.
    let place = move |name: &[u8]| {
        if !is_folder {
            return Ok(target.clone());
        }
        let name = String::from_utf8_lossy(name);
        if name.is_empty() || matches!(&*name, "." | "..") || name.contains(['/', '\\', '\0']) {
            return Err(CommandError::other(format!("invalid name: {name:?}: artifact blob title invalid")));
        }
        Ok(target.join(&*name))
    };
    untar(archive, place).await?;
    Ok(0)
}
