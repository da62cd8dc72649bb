//! `cove image unmount`

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Unmount the file systems of images
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// Every image that is mounted
    #[arg(long, short)]
    all: bool,
    /// However often it was mounted
    #[arg(long, short)]
    force: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] IMAGE [IMAGE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.all && !args.images.is_empty() {
        return Err(CommandError::other(
            "when using the --all switch, you may not pass any image names or IDs",
        ));
    }
    if !args.all && args.images.is_empty() {
        return Err(CommandError::other("image name or ID must be specified"));
    }
    let engine = context.engine().await?;
    let names = if args.all {
        engine.files().image_mounts().await?.into_iter().map(|mount| mount.id).collect()
    } else {
        args.images
    };
    let mut failures = Failures::default();
    for name in names {
        // One that is not mounted is no error, and nothing to tell.
        if let Some(Some(id)) = failures.note(engine.files().unmount_image(&name, args.force).await) {
            context.printer.line(&id)?;
        }
    }
    failures.finish()
}
