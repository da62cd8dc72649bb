//! `cove network ls`

use cove_api::NetworkListOptions;

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::common::{filter_fault, filters, joined_pairs};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json, to_value};
use crate::render::short_id;

/// List networks
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Only networks for which that is true, such as name=PATTERN or driver=bridge
    #[arg(long, short, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Whole ids
    #[arg(long)]
    no_trunc: bool,
    /// Only names
    #[arg(long, short)]
    quiet: bool,
    /// No heads of columns
    #[arg(long, short = 'n')]
    noheading: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let options = NetworkListOptions { filters: filters(&args.filter, filter_fault)? };
    let mut networks = context.engine().await?.networks().list(options).await?;
    networks.sort_by(|one, other| one.name.cmp(&other.name));
    if args.quiet && args.format.is_none() {
        for network in &networks {
            context.printer.line(&network.name)?;
        }
        return Ok(0);
    }
    if args.format.as_deref().is_some_and(is_json) {
        context.printer.document(&to_json(&Value::List(networks.iter().map(to_value).collect()), 5))?;
        return Ok(0);
    }
    let report = match &args.format {
        Some(format) => Report::user("ls", format)?,
        None => Report::own("ls", "{{.ID}}\t{{.Name}}\t{{.Driver}}")?,
    };
    let rows = networks
        .iter()
        .map(|network| {
            let mut row = match to_value(network) {
                Value::Struct(row) => row,
                _ => Struct::new("network"),
            };
            row.name = "networks.ListPrintReports".into();
            let id = if args.no_trunc { network.id.as_str() } else { short_id(&network.id) };
            row.set("ID", id)
                .set("Name", network.name.as_str())
                .set("Driver", network.driver.as_str())
                .set("LabelMap", network.labels.clone())
                .set("Labels", joined_pairs(&network.labels));
            row.into()
        })
        .collect();
    let headers = (!args.noheading).then_some(Headers(&[("ID", "NETWORK ID")]));
    context.printer.text(&report.render(rows, headers)?)?;
    Ok(0)
}
