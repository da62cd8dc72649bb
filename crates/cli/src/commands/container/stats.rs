//! `cove stats`

use cove_api::{ContainerStats, StatsOptions};
use futures_util::StreamExt;

use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json};
use crate::render::{go_duration, short_id};

/// Show what containers use, again and again
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids; none means all that run
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Also containers that do not run
    #[arg(long, short)]
    all: bool,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Seconds between two samples
    #[arg(long, short, value_name = "SECONDS", default_value_t = 5, allow_negative_numbers = true)]
    interval: i64,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
    /// Do not clear the screen before each sample
    #[arg(long)]
    no_reset: bool,
    /// One sample alone
    #[arg(long)]
    no_stream: bool,
    /// Whole ids
    #[arg(long, alias = "notruncate")]
    no_trunc: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [CONTAINER...]");

/// The usual columns.
const COLUMNS: &str = "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDS}}\t{{.UpTime}}\t{{.AVGCPU}}";

/// Their heads.
const HEADS: Headers = Headers(&[
    ("UpTime", "CPU TIME"),
    ("CPUPerc", "CPU %"),
    ("AVGCPU", "AVG CPU %"),
    ("MemUsage", "MEM USAGE / LIMIT"),
    ("MemUsageBytes", "MEM USAGE / LIMIT"),
    ("MemPerc", "MEM %"),
    ("NetIO", "NET IO"),
    ("BlockIO", "BLOCK IO"),
    ("PIDS", "PIDS"),
]);

async fn run(context: &Context, args: Args) -> CommandResult {
    if usize::from(args.all) + usize::from(args.latest) + usize::from(!args.containers.is_empty()) > 1 {
        return Err(CommandError::other("--all, --latest and containers cannot be used together"));
    }
    let interval = u32::try_from(args.interval).unwrap_or(0);
    if interval < 1 {
        return Err(CommandError::other("invalid interval, must be a positive number greater zero"));
    }
    let report = match &args.format {
        Some(format) if is_json(format) => None,
        Some(format) if !format.is_empty() => Some(Report::user("stats", format)?),
        _ => Some(Report::own("stats", COLUMNS)?),
    };
    let engine = context.engine().await?;
    let mut containers: Vec<String> =
        args.containers.iter().map(|name| name.trim_start_matches('/').to_owned()).collect();
    if args.latest {
        containers.push(super::latest(engine).await?);
    }
    let options = StatsOptions { all: args.all, stream: !args.no_stream, interval, containers };
    let mut samples = engine.containers().stats(options).await?;
    while let Some(sample) = samples.next().await {
        let sample = sample?;
        // Only a screen can be cleared.
        if !args.no_reset && context.printer.out_is_terminal() {
            context.printer.bytes(b"\x1b[2J\x1b[H")?;
        }
        match &report {
            None => context.printer.document(&to_json(&document(&sample, args.no_trunc), 1))?,
            Some(report) => {
                let rows = sample.iter().map(|stats| row(stats, args.no_trunc).into()).collect();
                context.printer.text(&report.render(rows, Some(HEADS))?)?;
            }
        }
    }
    Ok(0)
}

fn row(stats: &ContainerStats, whole: bool) -> Struct {
    let Shown { id, cpu, average, time, memory, memory_percent, net, block, pids } = Shown::of(stats, whole);
    Struct::new("containers.containerStats")
        .with("ID", id)
        .with("ContainerID", stats.container_id.as_str())
        .with("Name", stats.name.as_str())
        .with("CPUPerc", cpu.clone())
        .with("CPU", cpu)
        .with("AVGCPU", average)
        .with("AvgCPU", stats.average_cpu.to_string())
        .with("Up", time.clone())
        .with("UpTime", time)
        .with("MemUsage", memory)
        .with("MemUsageBytes", format!("{} / {}", binary(stats.memory), binary(stats.memory_limit)))
        .with("MemPerc", memory_percent)
        .with("MemLimit", stats.memory_limit)
        .with("NetIO", net)
        .with("BlockIO", block)
        .with("BlockInput", stats.block_input)
        .with("BlockOutput", stats.block_output)
        .with("PIDS", pids.clone())
        .with("PIDs", pids)
        .with("CPUNano", stats.cpu_ns)
        .with("CPUSystemNano", stats.cpu_system_ns)
        .with("SystemNano", stats.system_ns)
        .with("Duration", stats.duration)
}

fn document(sample: &[ContainerStats], whole: bool) -> Value {
    let rows = sample.iter().map(|stats| {
        let shown = Shown::of(stats, whole);
        Struct::new("stats")
            .with("id", shown.id)
            .with("name", stats.name.as_str())
            .with("cpu_time", shown.time)
            .with("cpu_percent", shown.cpu)
            .with("avg_cpu", shown.average)
            .with("mem_usage", shown.memory)
            .with("mem_percent", shown.memory_percent)
            .with("net_io", shown.net)
            .with("block_io", shown.block)
            .with("pids", shown.pids)
            .into()
    });
    Value::List(rows.collect())
}

/// The cells of a row.
struct Shown {
    id: String,
    cpu: String,
    average: String,
    time: String,
    memory: String,
    memory_percent: String,
    net: String,
    block: String,
    pids: String,
}

impl Shown {
    fn of(stats: &ContainerStats, whole: bool) -> Self {
        let (received, sent) = traffic(stats);
        let unknown = |what: &str| stats.unknown.iter().any(|other| other == what);
        let id = if whole { stats.container_id.as_str() } else { short_id(&stats.container_id) };
        Self {
            id: id.to_owned(),
            cpu: percent(stats.cpu),
            average: percent(stats.average_cpu),
            time: go_duration(stats.up_time),
            memory: pair(stats.memory, stats.memory_limit),
            memory_percent: percent(stats.memory_percent),
            net: pair(received, sent),
            block: match unknown("io") {
                true => "-- / --".to_owned(),
                false => pair(stats.block_input, stats.block_output),
            },
            pids: stats.pids.to_string(),
        }
    }
}

/// Bytes received and sent by all interfaces.
pub(crate) fn traffic(stats: &ContainerStats) -> (u64, u64) {
    let sum = |of: fn(&cove_api::InterfaceStats) -> u64| {
        stats.network.values().map(of).fold(0_u64, u64::saturating_add)
    };
    (sum(|interface| interface.rx_bytes), sum(|interface| interface.tx_bytes))
}

pub(crate) fn percent(value: f64) -> String {
    format!("{value:.2}%")
}

fn pair(one: u64, other: u64) -> String {
    format!("{} / {}", decimal(one), decimal(other))
}

/// Bytes as Docker's tools write them: four digits, units of 1000.
fn decimal(bytes: u64) -> String {
    crate::render::human_size(i64::try_from(bytes).unwrap_or(i64::MAX), 4)
}

/// Bytes in units of 1024: four digits.
#[allow(clippy::cast_precision_loss, reason = "a size for people")]
pub(crate) fn binary(bytes: u64) -> String {
    let mut value = bytes as f64;
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits: usize = if value >= 1000.0 {
        0
    } else if value >= 100.0 {
        1
    } else if value >= 10.0 {
        2
    } else {
        3
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_go_s() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (12, "12ns"),
            (1_500, "1.5µs"),
            (12_345_000, "12.345ms"),
            (1_000_000_000, "1s"),
            (61_500_000_000, "1m1.5s"),
            (3_661_000_000_000, "1h1m1s"),
        ] {
            assert_eq!(go_duration(nanoseconds), text);
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(pair(1_234_567, 0), "1.235MB / 0B");
        assert_eq!(
            (binary(1536).as_str(), binary(0).as_str(), binary(10 << 20).as_str()),
            ("1.5KiB", "0B", "10MiB")
        );
    }
}
