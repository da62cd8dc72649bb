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
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [COLUMN...]", BeforeArguments, Engine);

async fn run(context: &Context, args: Args) -> CommandResult {
    let engine = context.engine().await?;
    let latest = if args.latest { Some(super::latest(engine).await?) } else { None };
    let (name, columns) = asked(args.words, latest, "container")?;
    let report = engine.containers().top(&name, columns).await?;
    print(context, &report)?;
    Ok(0)
}

/// Whose processes are meant, and which columns: the name stands first where it is not the newest one.
///
/// # Errors
/// Nobody's.
pub(crate) fn asked(
    words: Vec<String>,
    latest: Option<String>,
    what: &str,
) -> Result<(String, Vec<String>), CommandError> {
    let mut words = words.into_iter();
    let name = latest
        .or_else(|| words.next())
        .ok_or_else(|| CommandError::other(format!("you must provide the name or id of a running {what}")))?;
    let words: Vec<String> = words.collect();
    Ok((name, columns(&words)))
}

/// Names of columns: they come as words, or with commas after ps(1)'s -o.
fn columns(words: &[String]) -> Vec<String> {
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
