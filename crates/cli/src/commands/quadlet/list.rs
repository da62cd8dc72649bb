//! `cove quadlet list`

use cove_api::{Filters, QuadletListOptions, QuadletSummary};

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json};

/// List unit files and the states of their services
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Only those whose name, status or pod fits a regular expression
    #[arg(long, short, value_name = "KEY=PATTERN")]
    filter: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// No heads of columns
    #[arg(long, short = 'n')]
    noheading: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let options = QuadletListOptions { filters: filters(&args.filter)? };
    let rows = context.engine().await?.quadlets().list(options).await?;
    let rows: Vec<Value> = rows.into_iter().map(value).collect();
    if args.format.as_deref().is_some_and(is_json) {
        context.printer.document(&to_json(&Value::List(rows), 2))?;
        return Ok(0);
    }
    let report = match &args.format {
        Some(format) => Report::user("list", format)?,
        None => Report::own("list", "{{.Name}}\t{{.UnitName}}\t{{.Path}}\t{{.Status}}\t{{.App}}\t{{.Pod}}")?,
    };
    let heads = Headers(&[("UnitName", "UNIT NAME"), ("Path", "PATH ON DISK"), ("App", "APPLICATION")]);
    context.printer.text(&report.render(rows, (!args.noheading).then_some(heads))?)?;
    Ok(0)
}

/// The patterns by what they are about; of one thing any may fit, and of each thing one must.
fn filters(words: &[String]) -> Result<Filters, CommandError> {
    let mut filters = Filters::new();
    for word in words {
        let Some((key, pattern)) = word.split_once('=') else {
            return Err(CommandError::other(format!("invalid filter {word:?}")));
        };
        filters.entry(key.to_owned()).or_default().push(pattern.to_owned());
    }
    Ok(filters)
}

fn value(row: QuadletSummary) -> Value {
    Struct::new("entities.ListQuadlet")
        .with("Name", row.name)
        .with("UnitName", row.unit_name)
        .with("Path", row.path)
        .with("Status", row.status)
        .with("App", row.app)
        .with("Pod", row.pod)
        .into()
}
