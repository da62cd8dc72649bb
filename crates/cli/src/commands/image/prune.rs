//! `cove image prune`

use cove_api::{Filters, ImageListOptions, ImagePruneOptions};

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::common::{filter_fault, filters};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::render::{human_size_spaced, short_id};

/// Remove images that no container uses
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Also those that have a name
    #[arg(long, short)]
    all: bool,
    /// Also the cache mounts of builds
    #[arg(long)]
    build_cache: bool,
    /// Also those that containers of other tools use
    #[arg(long)]
    external: bool,
    /// Only images for which that is true, such as label=KEY or until=24h
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    force: bool,
}

/// Says what would go, and how much room it takes.
async fn show_doomed(context: &Context, all: bool, filters: &Filters) -> Result<(), CommandError> {
    let mut filters = filters.clone();
    if !all {
        filters.entry("dangling".to_owned()).or_insert_with(|| vec!["true".to_owned()]);
    }
    let options = ImageListOptions { all: false, filters };
    let mut images = context.engine().await?.images().list(options).await?;
    images.retain(|image| image.containers == 0);
    for image in &images {
        let names = if image.repo_tags.is_empty() { "<none>".to_owned() } else { image.repo_tags.join(", ") };
        let (id, size) = (short_id(&image.id), human_size_spaced(image.size));
        context.printer.line(&format!("  {id}  {size}  {names}"))?;
    }
    let bytes = images.iter().map(|image| image.size).sum();
    let count = images.len();
    let noun = if count == 1 { "image" } else { "images" };
    let size = human_size_spaced(bytes);
    context.printer.line(&format!("{count} {noun}; at most {size} become free, less what others share"))
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    if args.external {
        return Err(CommandError::other("--external is not supported by this version"));
    }
    let filters = filters(&args.filter, filter_fault)?;
    if !args.force {
        let which = if args.all {
            "WARNING! This command removes all images without at least one container associated with them."
        } else {
            "WARNING! This command removes all dangling images."
        };
        context.printer.line(which)?;
        show_doomed(context, args.all, &filters).await?;
        let answer = crate::terminal::ask("Are you sure you want to continue? [y/N] ")?;
        if !answer.trim().to_lowercase().starts_with('y') {
            return Ok(0);
        }
    }
    let options = ImagePruneOptions {
        all: args.all,
        build_cache: args.build_cache,
        filters,
        ..ImagePruneOptions::default()
    };
    let mut failures = Failures::default();
    for report in context.engine().await?.images().prune(options).await? {
        match report.error {
            None => context.printer.line(&report.id)?,
            Some(error) => failures.push(CommandError::other(error)),
        }
    }
    failures.finish()
}
