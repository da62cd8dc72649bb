//! `cove manifest remove`

use cove_api::{ManifestModifyOptions, ManifestOperation};

use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Take an image out of a list
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// Digest of the image
    #[arg(value_name = "DIGEST")]
    digest: String,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("LIST DIGEST");

async fn run(context: &Context, args: Args) -> CommandResult {
    let change = ManifestModifyOptions {
        operation: Some(ManifestOperation::Remove),
        images: vec![args.digest],
        ..ManifestModifyOptions::default()
    };
    let changed = context.engine().await?.manifests().modify(&args.list, change).await;
    let report =
        changed.map_err(|error| error.context(format!("removing from manifest list {}", args.list)))?;
    context.printer.line(&report.id)?;
    Ok(0)
}
