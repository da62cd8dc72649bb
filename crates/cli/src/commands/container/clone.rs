//! `cove container clone`

use cove_api::{ContainerClone, ContainerSpec, ContainerUpdate, Engine};

use super::create::{missing_image, pull_image};
use crate::args::spec::{BlockArgs, ImageArgs, ResourceArgs};
use crate::args::{at_least, at_most};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Make a container like another one
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The container; then the name of the new one and the image in place of the other's
    #[arg(value_name = "CONTAINER [NAME] [IMAGE]")]
    words: Vec<String>,
    /// Remove the other container
    #[arg(long)]
    destroy: bool,
    /// Remove the other container even where it runs
    #[arg(long, short)]
    force: bool,
    /// The name of the new one
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The pod of the new one, in place of the other's
    #[arg(long, value_name = "POD")]
    pod: Option<String>,
    /// Start the new one
    #[arg(long)]
    run: bool,
    #[command(flatten)]
    resources: ResourceArgs,
    #[command(flatten)]
    block: BlockArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [NAME] [IMAGE]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.words, 1)?;
    at_most(&args.words, 3)?;
    if args.force && !args.destroy {
        return Err(CommandError::other("cannot set --force without --destroy: invalid argument"));
    }
    let mut limits = ContainerSpec::default();
    args.resources.apply(&mut limits)?;
    args.block.apply(&mut limits)?;
    let engine = context.engine().await?;
    let image = match args.words.get(2) {
        Some(image) => self::image(context, engine, &args.words[0], image).await?,
        None => String::new(),
    };
    let changes = ContainerClone {
        name: args.words.get(1).or(args.name.as_ref()).cloned().unwrap_or_default(),
        image,
        pod: args.pod.clone().unwrap_or_default(),
        limits: ContainerUpdate::of_request(&limits),
        destroy: args.destroy,
        force: args.force,
        run: args.run,
    };
    let report = engine.containers().clone_container(&args.words[0], changes).await?;
    for warning in &report.warnings {
        context.printer.error_line(warning);
    }
    context.printer.line(&report.id)?;
    Ok(0)
}

/// The image of the copy, pulled where it is missing and there is something to copy.
async fn image(
    context: &Context,
    engine: &dyn Engine,
    container: &str,
    image: &str,
) -> Result<String, CommandError> {
    let args = ImageArgs::default();
    let Some(policy) = missing_image(context, engine, &args, image).await? else {
        return Ok(image.to_owned());
    };
    engine.containers().inspect(container, false).await?;
    pull_image(context, engine, &args, image, policy).await
}
