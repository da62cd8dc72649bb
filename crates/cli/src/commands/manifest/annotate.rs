//! `cove manifest annotate`

use cove_api::{ManifestModifyOptions, ManifestOperation};

use super::platform::{EntryArgs, check_annotations};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Change what a list says about an image, or about itself
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// The image in it: its digest or name, or a file of an artifact
    #[arg(value_name = "IMAGE")]
    image: Vec<String>,
    #[command(flatten)]
    entry: EntryArgs,
    /// Annotate the list itself
    #[arg(long)]
    index: bool,
    /// What the image wants of the operating system
    #[arg(long, value_name = "FEATURE", value_delimiter = ',')]
    os_features: Vec<String>,
    /// The image that the list is about
    #[arg(long, value_name = "IMAGE")]
    subject: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] LIST IMAGE");

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.list.is_empty() {
        return Err(CommandError::other("invalid image name \"\""));
    }
    match args.image.as_slice() {
        [] if args.index => {}
        [] => return Err(CommandError::other("expected an instance digest, image name, or artifact name")),
        [image] if args.index => {
            return Err(CommandError::other(format!(
                "did not expect image or artifact name {image:?} when modifying the entire index"
            )));
        }
        [image] if image.is_empty() => {
            return Err(CommandError::other("invalid instance digest, image name, or artifact name \"\""));
        }
        [_] => {}
        _ => {
            return Err(CommandError::other(
                "expected either a list name and --index or a list name and an image digest or image name or artifact name",
            ));
        }
    }
    check_annotations(&args.entry.annotation)?;
    let mut change = ManifestModifyOptions {
        operation: Some(ManifestOperation::Annotate),
        images: args.image,
        os_features: args.os_features,
        subject: args.subject.unwrap_or_default(),
        ..ManifestModifyOptions::default()
    };
    args.entry.apply(&mut change);
    if args.index {
        change.index_annotation = std::mem::take(&mut change.annotation);
    }
    let report = context.engine().await?.manifests().modify(&args.list, change).await?;
    context.printer.line(&report.id)?;
    Ok(0)
}
