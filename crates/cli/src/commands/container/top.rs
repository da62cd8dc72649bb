//! `cove top`

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
    // Columns come as words, or with commas after ps(1)'s -o.
    let columns: Vec<String> = words
        .iter()
        .filter(|word| *word != "-o" && *word != "-eo")
        .flat_map(|word| word.split([',', ' ']))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    let report = engine.containers().top(&name, columns).await?;
    let mut text = String::new();
    for row in std::iter::once(&report.titles).chain(&report.processes) {
        let cells: Vec<_> = row.iter().map(|cell| cove_api::shown::cell(cell)).collect();
        text.push_str(&cells.join("\t"));
        text.push('\n');
    }
    context.printer.text(&align(&text))?;
    Ok(0)
}
