//! `cove pod stats`

use cove_api::PodStatsOptions;

use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Value, is_json, to_json, to_value};

/// Show what the containers of pods use
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids; without any, all pods of which something runs
    #[arg(value_name = "POD")]
    pods: Vec<String>,
    /// Every pod
    #[arg(long, short)]
    all: bool,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// The newest pod
    #[arg(long, short)]
    latest: bool,
    /// Leave the screen as it is between two looks
    #[arg(long)]
    no_reset: bool,
    /// One look only
    #[arg(long)]
    no_stream: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [POD...]");

const HEADERS: Headers = Headers(&[
    ("CPU", "CPU %"),
    ("MemUsage", "MEM USAGE/ LIMIT"),
    ("MemUsageBytes", "MEM USAGE/ LIMIT"),
    ("Mem", "MEM %"),
    ("NetIO", "NET IO"),
    ("BlockIO", "BLOCK IO"),
    ("PIDS", "PIDS"),
    ("CID", "CID"),
]);
const COLUMNS: &str =
    "{{.Pod}}\t{{.CID}}\t{{.Name}}\t{{.CPU}}\t{{.MemUsage}}\t{{.Mem}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDS}}";

async fn run(context: &Context, args: Args) -> CommandResult {
    if usize::from(args.all) + usize::from(args.latest) + usize::from(!args.pods.is_empty()) > 1 {
        return Err(CommandError::other("--all, --latest and arguments cannot be used together"));
    }
    let engine = context.engine().await?;
    let mut options = PodStatsOptions { all: args.all, names: args.pods };
    if args.latest {
        options.names.push(super::latest(engine).await?);
    }
    let json = args.format.as_deref().is_some_and(is_json);
    let report = match &args.format {
        Some(format) if !json => Report::user("stats", format)?,
        _ => Report::own("stats", COLUMNS)?,
    };
    loop {
        let stats = engine.pods().stats(options.clone()).await?;
        let rows: Vec<Value> = stats.iter().map(to_value).collect();
        if json {
            context.printer.document(&to_json(&Value::List(rows), 5))?;
        } else {
            // Only a screen can be cleared.
            if !args.no_reset && !args.no_stream && context.printer.out_is_terminal() {
                context.printer.bytes(b"\x1b[2J\x1b[H")?;
            }
            context.printer.text(&report.render(rows, Some(HEADERS))?)?;
        }
        if args.no_stream {
            return Ok(0);
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}
