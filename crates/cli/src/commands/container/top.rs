//! `cove top`

use cove_api::TopReport;

use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::align;

/// Show the processes of a container
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The container, then perhaps columns as ps(1) names them
    #[arg(value_name = "CONTAINER [COLUMN...]")]
    words: Vec<String>,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [COLUMN...]", false, Engine);

async fn run(context: &Context, args: Args) -> CommandResult {
    let engine = context.engine().await?;
    let mut words = args.words;
    if args.latest {
        words.insert(0, super::latest(engine).await?);
    }
    if words.is_empty() {
        return Err(CommandError::other("you must provide the name or id of a running container"));
    }
    let name = words.remove(0);
    let report = engine.containers().top(&name, columns(&words)).await?;
    print(context, &report)?;
    Ok(0)
}

/// Names of columns: they come as words, or with commas after ps(1)'s -o.
pub(crate) fn columns(words: &[String]) -> Vec<String> {
    words
        .iter()
        .filter(|word| *word != "-o" && *word != "-eo")
        .flat_map(|word| word.split([',', ' ']))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Prints a table of processes.
///
/// # Errors
/// Nobody reads the output any more.
pub(crate) fn print(context: &Context, report: &TopReport) -> Result<(), CommandError> {
    let mut text = String::new();
    for row in std::iter::once(&report.titles).chain(&report.processes) {
        let cells: Vec<_> = row.iter().map(|cell| cove_api::shown::cell(cell)).collect();
        text.push_str(&cells.join("\t"));
        text.push('\n');
    }
    context.printer.text(&align(&text))
}
