//! `cove system prune`

use cove_api::{ContainerState, DiskUsage, PruneReport, SystemPruneOptions, SystemPruneReport};

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::common::{filter_fault, filters};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::render::human_size;

/// Remove everything that nothing uses
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Every image without a container, not only those without a name
    #[arg(long, short)]
    all: bool,
    /// Also the containers that interrupted builds have left
    #[arg(long)]
    build: bool,
    /// Only what interrupted commands have left in the store
    #[arg(long)]
    external: bool,
    /// Only objects for which that is true: label=KEY, label!=KEY or until=24h
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    force: bool,
    /// Also the volumes without a container
    #[arg(long)]
    volumes: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let filters = filters(&args.filter, filter_fault)?;
    let options = SystemPruneOptions {
        all: args.all,
        volumes: args.volumes,
        external: args.external,
        build: args.build,
        filters,
    };
    let engine = context.engine().await?;
    if !args.force && !args.external {
        let usage = engine.system().disk_usage().await?;
        context.printer.text(&warning(&options, &usage))?;
        let answer = crate::terminal::ask("Are you sure you want to continue? [y/N] ")?;
        if !answer.trim().to_lowercase().starts_with('y') {
            return Ok(0);
        }
    }
    let report = engine.system().prune(options).await?;
    print(context, report, args.external)
}

/// What goes, and at most how many bytes.
fn warning(options: &SystemPruneOptions, usage: &DiskUsage) -> String {
    let mut text = String::from(
        "WARNING! This command removes:\n\t- all stopped containers\n\
         \t- all networks not used by at least one container\n",
    );
    if options.volumes {
        text.push_str("\t- all volumes not used by at least one container\n");
    }
    if options.build {
        text.push_str("\t- all build containers\n");
    }
    text.push_str(match options.all {
        true => "\t- all images without at least one container associated with them\n\t- all build cache\n",
        false => "\t- all dangling images\n\t- all dangling build cache\n",
    });
    let which = if options.filters.is_empty() { "" } else { " of those that the filters leave" };
    text.push_str(&format!(
        "\nThis frees at most {}{which}.\n\n",
        human_size(reclaimable(options, usage), 4)
    ));
    text
}

/// The bytes of what is not used, where the filters leave everything.
fn reclaimable(options: &SystemPruneOptions, usage: &DiskUsage) -> i64 {
    let ended = |status: &str| {
        status
            .parse::<ContainerState>()
            .is_ok_and(|state| state.has_ended() || state == ContainerState::Created)
    };
    let (gone, stay): (Vec<_>, Vec<_>) = usage.containers.iter().partition(|row| ended(&row.status));
    let containers: i64 = gone.iter().map(|row| row.rw_size).sum();
    let mut seen = std::collections::BTreeSet::new();
    let images: i64 = usage
        .images
        .iter()
        .filter(|row| {
            (options.all || row.repository == "<none>") && !stay.iter().any(|used| used.image == row.id)
        })
        .filter(|row| seen.insert(row.id.as_str()))
        .map(|row| row.size)
        .sum();
    let volumes: i64 = match options.volumes {
        true => usage.volumes.iter().map(|row| row.size).sum(),
        false => 0,
    };
    containers.saturating_add(images.min(usage.images_size)).saturating_add(volumes)
}

/// A list for each sort of object, and the sum.
fn print(context: &Context, report: SystemPruneReport, external: bool) -> CommandResult {
    let mut failures = Failures::default();
    let gone = |reports: Vec<PruneReport>, failures: &mut Failures| {
        let mut ids = Vec::new();
        for PruneReport { id, error, .. } in reports {
            match error {
                None => ids.push(id),
                Some(error) => failures.push(CommandError::other(error)),
            }
        }
        ids
    };
    let pods = report.pod_prune_reports.into_iter();
    let pods = pods.map(|pod| PruneReport { id: pod.id, error: pod.err, size: 0 });
    let pods = gone(pods.collect(), &mut failures);
    let containers = gone(report.container_prune_reports, &mut failures);
    let volumes = gone(report.volume_prune_reports, &mut failures);
    let images = gone(report.image_prune_reports, &mut failures);
    let networks = report.network_prune_reports.into_iter();
    let networks = networks.map(|network| PruneReport { id: network.name, error: network.error, size: 0 });
    let networks = gone(networks.collect(), &mut failures);
    for (head, ids) in [
        ("Deleted Pods", pods),
        ("Deleted Containers", containers),
        ("Deleted Volumes", volumes),
        ("Deleted Images", images),
        ("Deleted Networks", networks),
    ] {
        if ids.is_empty() {
            continue;
        }
        context.printer.line(head)?;
        for id in ids {
            context.printer.line(&id)?;
        }
    }
    if !external {
        let bytes = i64::try_from(report.reclaimed_space).unwrap_or(i64::MAX);
        context.printer.line(&format!("Total reclaimed space: {}", human_size(bytes, 4)))?;
    }
    failures.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_api::{ContainerUsage, ImageUsage, VolumeUsage};

    #[test]
    fn what_can_go_is_counted_before_it_goes() {
        let image = |id: &str, repository: &str, size| ImageUsage {
            id: id.into(),
            repository: repository.into(),
            size,
            ..ImageUsage::default()
        };
        let container = |image: &str, status: &str, rw_size| ContainerUsage {
            image: image.into(),
            status: status.into(),
            rw_size,
            ..ContainerUsage::default()
        };
        let usage = DiskUsage {
            images_size: 700,
            images: vec![
                image("a", "x", 100),
                image("b", "y", 200),
                image("b", "z", 200),
                image("c", "<none>", 400),
            ],
            containers: vec![container("a", "running", 1), container("b", "exited", 2)],
            volumes: vec![VolumeUsage { size: 1000, ..VolumeUsage::default() }],
        };
        let bytes = |all, volumes| {
            reclaimable(&SystemPruneOptions { all, volumes, ..SystemPruneOptions::default() }, &usage)
        };
        assert_eq!((bytes(false, false), bytes(true, false), bytes(false, true)), (402, 602, 1402));
    }
}
