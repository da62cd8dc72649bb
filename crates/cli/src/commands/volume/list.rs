//! `cove volume ls`

use cove_api::VolumeListOptions;

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::{filter_fault, filters, joined_pairs};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json, to_value};

/// List volumes
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Only volumes for which that is true, such as dangling=true or label=KEY
    #[arg(long, short, value_name = "KEY=VALUE")]
    filter: Vec<String>,
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
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    if args.quiet && args.format.is_some() {
        return Err(CommandError::other("quiet and format flags cannot be used together"));
    }
    let options = VolumeListOptions { filters: filters(&args.filter, filter_fault)? };
    let volumes = context.engine().await?.volumes().list(options).await?;
    if args.format.as_deref().is_some_and(is_json) {
        context.printer.document(&to_json(&Value::List(volumes.iter().map(to_value).collect()), 2))?;
        return Ok(0);
    }
    if args.quiet {
        for volume in &volumes {
            context.printer.line(&volume.name)?;
        }
        return Ok(0);
    }
    let report = match &args.format {
        Some(format) => Report::user("ls", format)?,
        None => Report::own("ls", "{{.Driver}}\t{{.Name}}")?,
    };
    let rows = volumes
        .iter()
        .map(|volume| {
            let mut row = match to_value(volume) {
                Value::Struct(row) => row,
                _ => Struct::new("volumes.volumeReporter"),
            };
            row.set("LabelMap", volume.labels.clone()).set("Labels", joined_pairs(&volume.labels));
            row.into()
        })
        .collect();
    let headers = (!args.noheading).then_some(Headers(&[("Name", "VOLUME NAME")]));
    context.printer.text(&report.render(rows, headers)?)?;
    Ok(0)
}
