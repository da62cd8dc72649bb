//! `cove compose volumes`

use std::collections::BTreeSet;

use serde::Serialize;

use super::here::Here;
use super::table;
use crate::command_error::CommandResult;
use crate::commands::common::joined_pairs;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// List the volumes of a project
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Output as table, json, a Go template, or table with one
    #[arg(long, value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    format: String,
    /// Only names
    #[arg(long, short)]
    quiet: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

/// A line, with the fields of Docker's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    availability: &'static str,
    driver: String,
    group: &'static str,
    labels: String,
    links: &'static str,
    mountpoint: String,
    name: String,
    scope: String,
    size: &'static str,
    status: &'static str,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    const UNKNOWN: &str = "N/A";
    let here = Here::of(context, &args.services).await?;
    let containers = here.containers(&args.services);
    let details = containers.iter().filter_map(|one| one.row.details.as_ref());
    let used: BTreeSet<&str> =
        details.flat_map(|details| details.mounts.iter()).map(|mount| mount.name.as_str()).collect();
    let wanted = |name: &str| args.services.is_empty() || used.contains(name);
    let volumes: Vec<_> = here.found.volumes.iter().filter(|volume| wanted(&volume.name)).collect();
    if args.quiet {
        for volume in volumes {
            context.printer.line(&volume.name)?;
        }
        return Ok(0);
    }
    let rows: Vec<Row> = volumes
        .into_iter()
        .map(|volume| Row {
            availability: UNKNOWN,
            driver: volume.driver.clone(),
            group: UNKNOWN,
            labels: joined_pairs(&volume.labels),
            links: UNKNOWN,
            mountpoint: volume.mountpoint.clone(),
            name: volume.name.clone(),
            scope: volume.scope.clone(),
            size: UNKNOWN,
            status: UNKNOWN,
        })
        .collect();
    let heads = [
        ("Driver", "DRIVER"),
        ("Labels", "LABELS"),
        ("Mountpoint", "MOUNTPOINT"),
        ("Name", "VOLUME NAME"),
        ("Scope", "SCOPE"),
        ("Size", "SIZE"),
    ];
    table::print(context, &args.format, &rows, "{{.Driver}}\t{{.Name}}", &heads)?;
    Ok(0)
}
