//! `cove farm list`

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::system::connection::connections;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json};

/// List farms
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]", Plain);

const HEADERS: Headers = Headers(&[
    ("Name", "Name"),
    ("Connections", "Connections"),
    ("Default", "Default"),
    ("ReadWrite", "ReadWrite"),
]);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let farms = connections(context).farms()?;
    let rows: Vec<Value> = farms
        .into_iter()
        .map(|farm| {
            let members = farm.connections.into_iter().map(Value::from).collect();
            Struct::new("config.Farm")
                .with("Name", farm.name)
                .with("Connections", Value::List(members))
                .with("Default", farm.is_default)
                .with("ReadWrite", farm.writable)
                .into()
        })
        .collect();
    if args.format.as_deref().is_some_and(is_json) {
        context.printer.document(&to_json(&Value::List(rows), 4))?;
        return Ok(0);
    }
    let report = match args.format.as_deref() {
        Some(format) if !format.is_empty() => Report::user("list", format)?,
        _ => Report::own("list", "{{.Name}}\t{{.Connections}}\t{{.Default}}\t{{.ReadWrite}}")?,
    };
    context.printer.text(&report.render(rows, Some(HEADERS))?)?;
    Ok(0)
}
