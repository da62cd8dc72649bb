//! `cove machine ls`

use cove_spec::age::ago;
use jiff::Timestamp;

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json, to_value};

/// List machines
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Only names
    #[arg(long, short)]
    quiet: bool,
    /// No heads of columns
    #[arg(long, short = 'n')]
    noheading: bool,
    /// Accepted for scripts: all providers are always shown
    #[arg(long, hide = true)]
    all_providers: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let machines = super::machines(context).list().await?;
    if args.quiet && args.format.is_none() {
        for machine in &machines {
            context.printer.line(&machine.name)?;
        }
        return Ok(0);
    }
    if args.format.as_deref().is_some_and(is_json) {
        context.printer.document(&to_json(&to_value(&machines), 4))?;
        return Ok(0);
    }
    for machine in &machines {
        if let Some(error) = &machine.error {
            // The text names the machine.
            context.printer.error_line(error);
        }
    }
    let now = Timestamp::now();
    let age =
        |text: &str| text.parse::<Timestamp>().map_or_else(|_| "Never".to_owned(), |time| ago(time, now));
    let gib = |bytes: u64| {
        let mut text = format!("{:.3}", bytes as f64 / f64::from(1 << 30));
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
        text + "GiB"
    };
    let rows = machines
        .iter()
        .map(|machine| {
            let mut row = match to_value(machine) {
                Value::Struct(row) => row,
                _ => Struct::new("ListReporter"),
            };
            let star = if machine.default { "*" } else { "" };
            let last_up = match machine.state.as_str() {
                "running" => "Currently running".to_owned(),
                "stopped" => age(&machine.last_up),
                state => format!("Currently {state}"),
            };
            row.set("Name", format!("{}{star}", machine.name))
                .set("Created", age(&machine.created))
                .set("LastUp", last_up)
                .set("Memory", gib(machine.memory))
                .set("DiskSize", gib(machine.disk_size));
            row.into()
        })
        .collect();
    let report = match &args.format {
        Some(format) => Report::user("list", format)?,
        None => Report::own(
            "list",
            "{{.Name}}\t{{.VMType}}\t{{.Created}}\t{{.LastUp}}\t{{.CPUs}}\t{{.Memory}}\t{{.DiskSize}}",
        )?,
    };
    let headers = (!args.noheading).then_some(Headers(&[
        ("VMType", "VM TYPE"),
        ("LastUp", "LAST UP"),
        ("CPUs", "CPUS"),
        ("DiskSize", "DISK SIZE"),
    ]));
    context.printer.text(&report.render(rows, headers)?)?;
    Ok(0)
}
