//! `cove compose push`

use cove_api::{Engine, PushOptions};
use cove_compose::model::Project;

use super::line::{Style, line};
use super::progress::Progress;
use super::up::alone;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::image::push::follow;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Push the images that are built for services
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Go on after an image that cannot be pushed, and do not fail for it
    #[arg(long)]
    ignore_push_failures: bool,
    /// Also for what the services depend on
    #[arg(long)]
    include_deps: bool,
    /// Say nothing of layers
    #[arg(long, short)]
    quiet: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let line = line(context)?;
    let mut project = line.project(context, &args.services)?;
    if !args.include_deps && !args.services.is_empty() {
        alone(&mut project, &args.services);
    }
    let engine = context.engine().await?;
    let progress = Progress::of(context, line).in_style(args.quiet.then_some(Style::Quiet));
    push(context, engine, &project, args.ignore_push_failures, &progress).await?;
    Ok(0)
}

/// Pushes the images of services that are built and have a name.
///
/// # Errors
/// One cannot be pushed, unless failures are ignored.
pub(super) async fn push(
    context: &Context,
    engine: &dyn Engine,
    project: &Project,
    ignore_failures: bool,
    progress: &Progress<'_>,
) -> Result<(), CommandError> {
    for (name, service) in &project.services {
        let Some(build) = service.build.as_ref().filter(|_| !service.image.is_empty()) else {
            progress.event(name, "Skipped", "");
            continue;
        };
        for image in std::iter::once(&service.image).chain(&build.tags) {
            progress.event(name, "Pushing", image);
            match one(context, engine, image, progress.is_quiet()).await {
                Ok(()) => progress.event(name, "Pushed", image),
                Err(error) if ignore_failures => {
                    progress.tail(&format!("Pushing {name}: {}", error.messages().join("; ")));
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

async fn one(context: &Context, engine: &dyn Engine, image: &str, quiet: bool) -> Result<(), CommandError> {
    let steps = engine.images().push(image, PushOptions::default()).await?;
    follow(context, steps, quiet, None).await
}
