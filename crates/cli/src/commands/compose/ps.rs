//! `cove compose ps`

use cove_api::{ContainerState, PortMapping};
use cove_project::FoundContainer;
use cove_spec::age::{ago, human_duration};
use jiff::Timestamp;
use serde::Serialize;

use super::here::Here;
use super::table;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::joined_pairs;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::render::{human_size, short_id};

/// Words that `--status` knows.
const STATES: [&str; 7] = ["paused", "restarting", "removing", "running", "dead", "created", "exited"];
/// Longest command of a table.
const LONGEST: usize = 20;
/// The heads of columns that are not their fields' names.
const HEADS: &[(&str, &str)] = &[
    ("Command", "COMMAND"),
    ("CreatedAt", "CREATED AT"),
    ("ExitCode", "EXIT CODE"),
    ("Health", "HEALTH"),
    ("ID", "CONTAINER ID"),
    ("Image", "IMAGE"),
    ("Labels", "LABELS"),
    ("LocalVolumes", "LOCAL VOLUMES"),
    ("Mounts", "MOUNTS"),
    ("Name", "NAME"),
    ("Names", "NAMES"),
    ("Networks", "NETWORKS"),
    ("Ports", "PORTS"),
    ("Project", "PROJECT"),
    ("Publishers", "PUBLISHERS"),
    ("RunningFor", "CREATED"),
    ("Service", "SERVICE"),
    ("Size", "SIZE"),
    ("State", "STATE"),
    ("Status", "STATUS"),
];
/// The columns of the table.
const COLUMNS: &str =
    "{{.Name}}\t{{.Image}}\t{{.Command}}\t{{.Service}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}";

/// List the containers of a project
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Also those that do not run, and those of run
    #[arg(long, short)]
    all: bool,
    /// Only ids
    #[arg(long, short)]
    quiet: bool,
    /// Only the names of services
    #[arg(long = "services", id = "only-services")]
    only_services: bool,
    /// Only containers in such a state: paused, restarting, removing, running, dead, created or exited
    #[arg(long, value_name = "STATE", value_parser = STATES)]
    status: Vec<String>,
    /// Only containers for which that is true: status=STATE
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Option<String>,
    /// Output as table, json, a Go template, or table with one
    #[arg(long, value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    format: String,
    /// Also services that the files do not have; --orphans=false leaves them out
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    orphans: Option<bool>,
    /// Whole ids and commands
    #[arg(long)]
    no_trunc: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

/// A port that is published.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Publisher {
    #[serde(rename = "URL")]
    url: String,
    target_port: u16,
    published_port: u16,
    protocol: String,
}

/// A line, with the fields of docker-compose's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    command: String,
    created_at: String,
    exit_code: i32,
    health: String,
    #[serde(rename = "ID")]
    id: String,
    image: String,
    labels: String,
    local_volumes: String,
    mounts: String,
    name: String,
    names: String,
    networks: String,
    ports: String,
    project: String,
    publishers: Vec<Publisher>,
    running_for: String,
    service: String,
    size: String,
    state: String,
    status: String,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    let states = states(&args)?;
    let here = Here::of(context, &args.services).await?;
    let all = args.all || !states.is_empty();
    let orphans = args.orphans.unwrap_or(true) && args.services.is_empty();
    let services = here.services(&args.services);
    let shown: Vec<&FoundContainer> = here
        .found
        .containers
        .iter()
        .filter(|one| orphans || services.contains(&one.service))
        .filter(|one| all || (one.state().is_alive() && !one.one_off))
        .filter(|one| states.is_empty() || states.iter().any(|state| state == state_word(one)))
        .collect();
    if args.quiet {
        for one in shown {
            context.printer.line(&one.row.id)?;
        }
        return Ok(0);
    }
    if args.only_services {
        let mut told = std::collections::BTreeSet::new();
        for one in shown.iter().filter(|one| told.insert(&one.service)) {
            context.printer.line(&one.service)?;
        }
        return Ok(0);
    }
    let now = Timestamp::now();
    let rows: Vec<Row> = shown
        .iter()
        .map(|one| row(one, &here.scope.name, args.no_trunc, now))
        .collect::<Result<_, CommandError>>()?;
    table::print(context, &args.format, &rows, COLUMNS, HEADS)?;
    Ok(0)
}

/// The states that are wanted; none are all.
fn states(args: &Args) -> Result<Vec<String>, CommandError> {
    let mut states = args.status.clone();
    match args.filter.as_deref().map(|filter| filter.split_once('=').unwrap_or((filter, ""))) {
        None => {}
        Some(("status", state)) if STATES.contains(&state) => states.push(state.to_owned()),
        Some(("status", state)) => {
            return Err(CommandError::other(format!(
                "unknown status {state:?}: one of {}",
                STATES.join(", ")
            )));
        }
        Some((key, _)) => {
            return Err(CommandError::other(format!("unknown filter {key:?}: only status is known")));
        }
    }
    Ok(states)
}

/// Docker's word for a state.
pub(super) fn state_word(container: &FoundContainer) -> &'static str {
    match container.state() {
        ContainerState::Created | ContainerState::Initialized => "created",
        ContainerState::Running | ContainerState::Stopping => "running",
        ContainerState::Paused => "paused",
        ContainerState::Stopped | ContainerState::Exited => "exited",
        ContainerState::Removing => "removing",
        ContainerState::Storage | ContainerState::Unknown => "dead",
    }
}

/// `Up 2 minutes (healthy)`.
fn status(one: &FoundContainer, now: Timestamp) -> String {
    let row = &one.row;
    let since = |seconds: i64| human_duration(now.as_second().saturating_sub(seconds));
    let health = match row.status.as_str() {
        "" | "none" => String::new(),
        "starting" => " (health: starting)".to_owned(),
        health => format!(" ({health})"),
    };
    match state_word(one) {
        "running" => format!("Up {}{health}", since(row.started_at)),
        "paused" => format!("Up {} (Paused)", since(row.started_at)),
        "exited" => format!("Exited ({}) {} ago", row.exit_code, since(row.exited_at)),
        "created" => "Created".to_owned(),
        "removing" => "Removal In Progress".to_owned(),
        _ => "Dead".to_owned(),
    }
}

fn row(one: &FoundContainer, project: &str, whole: bool, now: Timestamp) -> Result<Row, CommandError> {
    let container = &one.row;
    let mounts = container.details.as_ref().map(|details| details.mounts.as_slice()).unwrap_or_default();
    let volumes = mounts.iter().filter(|mount| mount.kind == "volume");
    let cut = |text: &str| if whole { text.to_owned() } else { ellipsis(text, LONGEST) };
    let alive = one.state().is_alive();
    let ports = if alive { container.ports.as_slice() } else { &[] };
    let sizes = container.size.map_or_else(|| "0B".to_owned(), |size| human_size(size.rw, 3));
    Ok(Row {
        command: format!("\"{}\"", cut(&container.command.join(" "))),
        created_at: created(container.created),
        exit_code: if alive { 0 } else { container.exit_code },
        health: Some(container.status.clone()).filter(|health| health != "none").unwrap_or_default(),
        id: if whole { container.id.clone() } else { short_id(&container.id).to_owned() },
        image: container.image.clone(),
        labels: joined_pairs(&container.labels),
        local_volumes: volumes.clone().count().to_string(),
        mounts: mounts
            .iter()
            .map(|mount| if mount.name.is_empty() { cut(&mount.source) } else { cut(&mount.name) })
            .collect::<Vec<_>>()
            .join(","),
        name: one.name.clone(),
        names: one.name.clone(),
        networks: container.networks.join(","),
        ports: crate::render::ports(ports, &std::collections::BTreeMap::new())?,
        project: project.to_owned(),
        publishers: publishers(ports)?,
        running_for: ago(container.created, now),
        service: one.service.clone(),
        size: sizes,
        state: state_word(one).to_owned(),
        status: status(one, now),
    })
}

/// A time as Docker's command line writes it.
fn created(time: Timestamp) -> String {
    time.to_zoned(crate::render::local_zone()).strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string()
}

fn publishers(ports: &[PortMapping]) -> Result<Vec<Publisher>, CommandError> {
    let ports = PortMapping::expand_all(ports)?;
    let one = |port: &cove_api::PublishedPort| Publisher {
        url: port.host().ip().to_string(),
        target_port: port.container_port,
        published_port: port.host_port,
        protocol: port.protocol.as_str().to_owned(),
    };
    Ok(ports.iter().map(one).collect())
}

/// The text, its end replaced where it is longer.
fn ellipsis(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_letters() {
        assert_eq!(ellipsis("sh -c echo hello", 20), "sh -c echo hello");
        assert_eq!(ellipsis("sh -c echo cache ready", 20), "sh -c echo cache re…");
        assert_eq!(ellipsis("äöüäöü", 4), "äöü…");
    }
}
