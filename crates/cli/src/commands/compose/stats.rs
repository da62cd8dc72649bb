//! `cove compose stats`

use std::time::Duration;

use cove_api::{ContainerStats, ErrorKind, StatsOptions};
use futures_util::StreamExt as _;
use serde::Serialize;

use super::here::Here;
use super::table;
use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::container::stats::{binary, percent, traffic};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::render::{human_size, short_id};

/// Between two looks at a project that has no containers to look at.
const PAUSE: Duration = Duration::from_secs(1);
/// The heads of columns.
const HEADS: &[(&str, &str)] = &[
    ("BlockIO", "BLOCK I/O"),
    ("CPUPerc", "CPU %"),
    ("Container", "CONTAINER"),
    ("ID", "CONTAINER ID"),
    ("MemPerc", "MEM %"),
    ("MemUsage", "MEM USAGE / LIMIT"),
    ("Name", "NAME"),
    ("NetIO", "NET I/O"),
    ("PIDs", "PIDS"),
];
/// The columns of the table.
const COLUMNS: &str =
    "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}";

/// Show what the containers of a project use, again and again
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only of this service
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Also containers that do not run
    #[arg(long, short)]
    all: bool,
    /// Output as table, json, a Go template, or table with one
    #[arg(long, value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    format: String,
    /// One sample alone
    #[arg(long)]
    no_stream: bool,
    /// Whole ids
    #[arg(long)]
    no_trunc: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE]");

/// A line, with the fields of Docker's.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(rename = "BlockIO")]
    block: String,
    #[serde(rename = "CPUPerc")]
    cpu: String,
    #[serde(rename = "Container")]
    container: String,
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "MemPerc")]
    memory_percent: String,
    #[serde(rename = "MemUsage")]
    memory: String,
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "NetIO")]
    net: String,
    #[serde(rename = "PIDs")]
    pids: String,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.services, 1)?;
    let mut here = Here::of(context, &[]).await?;
    loop {
        let ids = ids(&here, &args);
        if ids.is_empty() {
            show(context, &args, &[])?;
            if args.no_stream {
                return Ok(0);
            }
            tokio::time::sleep(PAUSE).await;
            here.look_again().await?;
            continue;
        }
        // The first one has none before it: it would say how much since the start.
        let options = StatsOptions { all: true, stream: true, interval: 1, containers: ids.clone() };
        let mut samples = here.engine.containers().stats(options).await?.skip(1);
        loop {
            match samples.next().await {
                Some(Ok(sample)) => show(context, &args, &sample)?,
                // One of them has gone.
                Some(Err(error)) if error.kind == ErrorKind::NotFound => tokio::time::sleep(PAUSE).await,
                Some(Err(error)) => return Err(error.into()),
                None => return Ok(0),
            }
            if args.no_stream {
                return Ok(0);
            }
            here.look_again().await?;
            if self::ids(&here, &args) != ids {
                break;
            }
        }
    }
}

/// The containers that are looked at.
fn ids(here: &Here<'_>, args: &Args) -> Vec<String> {
    let of = |one: &&cove_project::FoundContainer| {
        let named = args.services.first().is_none_or(|service| one.service == *service);
        named && (args.all || one.state().is_alive())
    };
    here.found.containers.iter().filter(of).map(|one| one.row.id.clone()).collect()
}

fn show(context: &Context, args: &Args, sample: &[ContainerStats]) -> Result<(), CommandError> {
    // Only a screen can be cleared.
    if !args.no_stream && context.printer.out_is_terminal() {
        context.printer.bytes(b"\x1b[2J\x1b[H")?;
    }
    let rows: Vec<Row> = sample.iter().map(|stats| row(stats, args.no_trunc)).collect();
    table::print(context, &args.format, &rows, COLUMNS, HEADS)
}

fn row(stats: &ContainerStats, whole: bool) -> Row {
    let decimal = |bytes: u64| human_size(i64::try_from(bytes).unwrap_or(i64::MAX), 3);
    let (received, sent) = traffic(stats);
    let id = &stats.container_id;
    Row {
        block: format!("{} / {}", decimal(stats.block_input), decimal(stats.block_output)),
        cpu: percent(stats.cpu),
        container: id.clone(),
        id: if whole { id.clone() } else { short_id(id).to_owned() },
        memory_percent: percent(stats.memory_percent),
        memory: format!("{} / {}", binary(stats.memory), binary(stats.memory_limit)),
        name: stats.name.clone(),
        net: format!("{} / {}", decimal(received), decimal(sent)),
        pids: stats.pids.to_string(),
    }
}
