//! `cove image delete`

use cove_api::ImageRemoveOptions;
use cove_registry::ImageLocation;

use super::args::{PlaceArgs, WholeArgs};
use super::ends::{client, failed, failed_by_engine, in_time, location};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Delete an image from a registry (docker://), with all tags of its manifest, or from the store (containers-storage:)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image with its transport
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    whole: WholeArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] TRANSPORT:IMAGE", Images);

async fn run(context: &Context, args: Args) -> CommandResult {
    let [image] = args.images.as_slice() else {
        return Err(CommandError::other("Exactly one argument expected"));
    };
    args.whole.check()?;
    let reach = args.place.reach(&args.whole)?;
    let at = location(image, "source")?;
    in_time(&args.whole, async {
        match &at {
            ImageLocation::Registry(reference) => {
                let client = client(context, &reach)?;
                client.delete(reference).await.map(drop).map_err(|error| failed(context, error))
            }
            ImageLocation::Storage(name) => delete_stored(context, name).await,
            other => Err(CommandError::other(format!(
                "an image is not deleted at {}: remove its file or folder",
                other
            ))),
        }
    })
    .await?;
    Ok(0)
}

async fn delete_stored(context: &Context, name: &str) -> Result<(), CommandError> {
    let images = context.engine().await?.images();
    let report = images.remove(vec![name.to_owned()], ImageRemoveOptions::default()).await?;
    match report.failure() {
        None => Ok(()),
        Some(error) => Err(failed_by_engine(context, error)),
    }
}
