//! `cove compose top`

use std::collections::BTreeSet;

use super::here::Here;
use super::table;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// The columns of ps -ef, as Docker has them.
const COLUMNS: [&str; 8] = ["user", "pid", "ppid", "pcpu", "stime", "tty", "time", "args"];

/// Show the processes of a project
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let here = Here::of(context, &args.services).await?;
    let mut titles: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for one in here.containers(&args.services).into_iter().filter(|one| one.state().is_alive()) {
        let report = here.engine.containers().top(&one.row.id, COLUMNS.map(str::to_owned).to_vec()).await?;
        let known: BTreeSet<String> = titles.iter().cloned().collect();
        titles.extend(report.titles.iter().filter(|title| !known.contains(*title)).cloned());
        found.push((one, report));
    }
    if found.is_empty() {
        return Ok(0);
    }
    let mut rows =
        vec![["SERVICE", "#"].iter().map(|head| (*head).to_owned()).chain(titles.clone()).collect()];
    for (one, report) in &found {
        let number = one.number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        for process in &report.processes {
            let cell = |title: &String| {
                let at = report.titles.iter().position(|own| own == title);
                at.and_then(|at| process.get(at)).cloned().unwrap_or_else(|| "-".to_owned())
            };
            let cells = [one.service.clone(), number.clone()].into_iter().chain(titles.iter().map(cell));
            rows.push(cells.collect::<Vec<_>>());
        }
    }
    context.printer.text(&table::spaced(&rows, 4, 2))?;
    Ok(0)
}
