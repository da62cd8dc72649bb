//! `cove volume prune`

use cove_api::{ErrorKind, Filters, VolumeListOptions, VolumePruneOptions, VolumeRemoveOptions};

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::common::{confirmed, filter_fault, filters};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove volumes that no container uses
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Also those with names
    #[arg(long, short)]
    all: bool,
    /// Only volumes for which that is true, such as label=KEY
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Only show what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    force: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    if args.force && args.dry_run {
        return Err(CommandError::other("--force and --dry-run cannot be used together"));
    }
    let mut filters = filters(&args.filter, filter_fault)?;
    // Docker writes --all as a filter.
    let all = filters
        .remove("all")
        .is_some_and(|values| values.iter().any(|value| value == "true" || value == "1"));
    if args.all && all {
        return Err(CommandError::other("--all and --filter all cannot be used together"));
    }
    let all = args.all || all;
    if args.dry_run {
        return show(context, filters, all).await;
    }
    filters.insert("dangling".into(), vec!["true".into()]);
    if !all {
        filters.entry("anonymous".into()).or_default().push("true".into());
    }
    let engine = context.engine().await?;
    let volumes = engine.volumes().list(VolumeListOptions { filters }).await?;
    let (which, none) = if all {
        ("all volumes not used by at least one container", "No dangling volumes found")
    } else {
        ("anonymous local volumes not used by at least one container", "No dangling anonymous volumes found")
    };
    if volumes.is_empty() && !args.force {
        context
            .printer
            .line(&format!("WARNING! This will remove {which}. The following volumes will be removed:"))?;
        context.printer.line(none)?;
        return Ok(0);
    }
    let names = volumes.iter().map(|volume| volume.name.as_str());
    if !confirmed(context, args.force, &format!("{which}. The following volumes will be removed:"), names)? {
        return Ok(0);
    }
    let mut failures = Failures::default();
    for volume in &volumes {
        match engine.volumes().remove(&volume.name, VolumeRemoveOptions::default()).await {
            Ok(()) => context.printer.line(&volume.name)?,
            // Used or removed since the look at it.
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::InUse) => {}
            Err(error) => failures.push(error),
        }
    }
    failures.finish()
}

/// Says what would be removed.
async fn show(context: &Context, mut filters: Filters, all: bool) -> CommandResult {
    if all {
        filters.insert("all".into(), vec!["true".into()]);
    }
    let options = VolumePruneOptions { dry_run: true, filters };
    let reports = context.engine().await?.volumes().prune(options).await?;
    context.printer.line("Volumes that would be pruned:")?;
    for report in reports {
        context.printer.line(&report.id)?;
    }
    Ok(0)
}
