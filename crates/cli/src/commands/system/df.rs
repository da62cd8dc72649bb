//! `cove system df`

use cove_api::{ContainerUsage, DiskUsage, ImageUsage, VolumeUsage};
use cove_spec::age::human_duration;
use jiff::Timestamp;

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, to_json};
use crate::render::{human_size, short_id};

/// Show what images, containers and volumes take on the disk
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// A row for each object
    #[arg(long, short)]
    verbose: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

/// Significant digits of a size.
const DIGITS: usize = 4;

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    if args.format.is_some() && args.verbose {
        return Err(CommandError::other("cannot combine --format and --verbose flags"));
    }
    let usage = context.engine().await?.system().disk_usage().await?;
    if args.verbose {
        context.printer.text(&verbose(&usage, Timestamp::now())?)?;
        return Ok(0);
    }
    let rows: Vec<Value> = summaries(&usage).iter().map(Summary::row).collect();
    match args.format.as_deref() {
        Some(format) if format.trim() == "json" => {
            context.printer.document(&to_json(&Value::List(rows), 4))?;
        }
        Some(format) => {
            let report = Report::user("df", format)?;
            context.printer.text(&report.render(rows, Some(Headers(&[])))?)?;
        }
        None => {
            let columns = "{{.Type}}\t{{.Total}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}";
            context.printer.text(&Report::own("df", columns)?.render(rows, Some(Headers(&[])))?)?;
        }
    }
    Ok(0)
}

/// All objects of a sort together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    kind: &'static str,
    total: usize,
    active: usize,
    size: i64,
    reclaimable: i64,
}

impl Summary {
    fn row(&self) -> Value {
        let share = if self.size > 0 { self.reclaimable as f64 / self.size as f64 * 100.0 } else { 0.0 };
        let mut row = Struct::new("system.dfSummary");
        row.set("Type", self.kind)
            .set("Total", self.total as i64)
            .set("Active", self.active as i64)
            .set("RawSize", self.size)
            .set("RawReclaimable", self.reclaimable)
            .set("TotalCount", self.total as i64)
            .set("Size", human_size(self.size, DIGITS))
            .set("Reclaimable", format!("{} ({:.0}%)", human_size(self.reclaimable, DIGITS), share.round()));
        row.into()
    }
}

/// The three lines, as Podman counts.
fn summaries(usage: &DiskUsage) -> [Summary; 3] {
    let (images, used) = used_images(&usage.images);
    let stopped = |row: &&ContainerUsage| row.status != "running";
    let running = usage.containers.iter().filter(|row| !stopped(row)).count();
    [
        Summary {
            kind: "Images",
            total: usage.images.len(),
            active: images,
            size: usage.images_size,
            reclaimable: usage.images_size.saturating_sub(used),
        },
        Summary {
            kind: "Containers",
            total: usage.containers.len(),
            active: running,
            size: usage.containers.iter().map(|row| row.rw_size).sum(),
            reclaimable: usage.containers.iter().filter(stopped).map(|row| row.rw_size).sum(),
        },
        Summary {
            kind: "Local Volumes",
            total: usage.volumes.len(),
            active: usage.volumes.iter().map(|row| row.links as usize).sum(),
            size: usage.volumes.iter().map(|row| row.size).sum(),
            reclaimable: usage.volumes.iter().map(|row| row.reclaimable_size).sum(),
        },
    ]
}

/// How many images have containers, and their own bytes. An image has a row for each of its names.
fn used_images(rows: &[ImageUsage]) -> (usize, i64) {
    let mut seen = std::collections::BTreeSet::new();
    let used = rows.iter().filter(|row| row.containers > 0 && seen.insert(row.id.as_str()));
    used.fold((0, 0), |(count, size), row| (count + 1, row.unique_size.saturating_add(size)))
}

/// The three tables.
fn verbose(usage: &DiskUsage, now: Timestamp) -> Result<String, CommandError> {
    let age = |created: Timestamp| human_duration(now.as_second().saturating_sub(created.as_second()));
    let table =
        |columns: &str, headers, rows| Report::own("df", columns)?.render(rows, Some(Headers(headers)));
    let images = table(
        "{{.Repository}}\t{{.Tag}}\t{{.ImageID}}\t{{.Created}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}",
        &[("ImageID", "IMAGE ID")],
        usage.images.iter().map(|row| image_row(row, &age)).collect(),
    )?;
    let containers = table(
        "{{.ContainerID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.RWSize}}\t{{.Created}}\t{{.Status}}\t{{.Names}}",
        &[("ContainerID", "CONTAINER ID"), ("RWSize", "SIZE")],
        usage.containers.iter().map(|row| container_row(row, &age)).collect(),
    )?;
    let volumes =
        table("{{.VolumeName}}\t{{.Links}}\t{{.Size}}", &[], usage.volumes.iter().map(volume_row).collect())?;
    Ok(format!(
        "Images space usage:\n\n{images}\nContainers space usage:\n\n{containers}\n\
         Local Volumes space usage:\n\n{volumes}"
    ))
}

fn image_row(image: &ImageUsage, age: &dyn Fn(Timestamp) -> String) -> Value {
    let mut row = Struct::new("system.dfImage");
    row.set("Repository", image.repository.as_str())
        .set("Tag", image.tag.as_str())
        .set("ImageID", short_id(&image.id))
        .set("Created", age(image.created))
        .set("Size", human_size(image.size, DIGITS))
        .set("SharedSize", human_size(image.shared_size, DIGITS))
        .set("UniqueSize", human_size(image.unique_size, DIGITS))
        .set("Containers", image.containers);
    row.into()
}

fn container_row(container: &ContainerUsage, age: &dyn Fn(Timestamp) -> String) -> Value {
    let mut row = Struct::new("system.dfContainer");
    row.set("ContainerID", short_id(&container.id))
        .set("Image", short_id(&container.image))
        .set("Command", container.command.join(" "))
        .set("LocalVolumes", i64::from(container.local_volumes))
        .set("RWSize", human_size(container.rw_size, DIGITS))
        .set("Created", age(container.created))
        .set("Status", container.status.as_str())
        .set("Names", container.names.as_str());
    row.into()
}

fn volume_row(volume: &VolumeUsage) -> Value {
    let mut row = Struct::new("system.dfVolume");
    row.set("VolumeName", volume.name.as_str())
        .set("Links", i64::from(volume.links))
        .set("Size", human_size(volume.size, DIGITS));
    row.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_with_two_names_counts_once_where_it_is_used() {
        let row = |id: &str, containers, unique_size| ImageUsage {
            id: id.into(),
            containers,
            unique_size,
            ..ImageUsage::default()
        };
        let images = vec![row("a", 1, 10), row("a", 1, 10), row("b", 0, 5)];
        let usage = DiskUsage { images_size: 20, images, ..DiskUsage::default() };
        let [images, ..] = summaries(&usage);
        assert_eq!((images.total, images.active, images.size, images.reclaimable), (3, 1, 20, 10));
    }
}
