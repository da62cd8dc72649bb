//! `cove rmi`

use cove_api::ImageRemoveOptions;

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove images from the store
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids; the image goes with its last name
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// Every image
    #[arg(long, short)]
    all: bool,
    /// Also the containers that use them, and every name
    #[arg(long, short)]
    force: bool,
    /// An image that is missing is no error
    #[arg(long, short)]
    ignore: bool,
    /// Keep parents that have no name
    #[arg(long)]
    no_prune: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] IMAGE [IMAGE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.images.is_empty() && !args.all {
        return Err(CommandError::other("image name or ID must be specified"));
    }
    if !args.images.is_empty() && args.all {
        return Err(CommandError::other(
            "when using the --all switch, you may not pass any images names or IDs",
        ));
    }
    let options = ImageRemoveOptions {
        all: args.all,
        force: args.force,
        ignore: args.ignore || args.force,
        no_prune: args.no_prune,
        ..ImageRemoveOptions::default()
    };
    let report = context.engine().await?.images().remove(args.images, options).await?;
    for name in &report.untagged {
        context.printer.line(&format!("Untagged: {name}"))?;
    }
    for id in &report.deleted {
        context.printer.line(&format!("Deleted: {id}"))?;
    }
    let mut failures = Failures::default();
    for error in report.errors {
        failures.push(CommandError::other(error));
    }
    let code = u8::try_from(report.exit_code).unwrap_or(1);
    failures.finish_with(|_| if code == 0 { 125 } else { code })
}
