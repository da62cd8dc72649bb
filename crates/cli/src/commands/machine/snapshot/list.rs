//! `cove machine snapshot ls`

use cove_spec::age::ago;
use jiff::Timestamp;

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json, to_value};

/// List a machine's snapshots, the oldest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The machine
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Only names
    #[arg(long, short)]
    quiet: bool,
    /// No heads of columns
    #[arg(long, short = 'n')]
    noheading: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.names, 1)?;
    let name = crate::commands::machine::name(&args.names)?;
    let snapshots = crate::commands::machine::machines(context).snapshots(&name)?;
    if args.quiet && args.format.is_none() {
        for snapshot in &snapshots {
            context.printer.line(&snapshot.name)?;
        }
        return Ok(0);
    }
    if args.format.as_deref().is_some_and(is_json) {
        context.printer.document(&to_json(&to_value(&snapshots), 4))?;
        return Ok(0);
    }
    let now = Timestamp::now();
    let rows = snapshots
        .iter()
        .map(|snapshot| {
            let mut row = match to_value(snapshot) {
                Value::Struct(row) => row,
                _ => Struct::new("SnapshotSummary"),
            };
            let age = snapshot.created.parse::<Timestamp>();
            row.set("Created", age.map_or_else(|_| String::new(), |time| ago(time, now)))
                .set("Memory", format!("{}MiB", snapshot.memory))
                .set("DiskSize", format!("{}GiB", snapshot.disk_size));
            row.into()
        })
        .collect();
    let report = match &args.format {
        Some(format) => Report::user("list", format)?,
        None => Report::own("list", "{{.Name}}\t{{.Created}}\t{{.CPUs}}\t{{.Memory}}\t{{.DiskSize}}")?,
    };
    let headers = (!args.noheading).then_some(Headers(&[("CPUs", "CPUS"), ("DiskSize", "DISK SIZE")]));
    context.printer.text(&report.render(rows, headers)?)?;
    Ok(0)
}
