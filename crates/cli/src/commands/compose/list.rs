//! `cove compose ls`

use std::collections::{BTreeMap, BTreeSet};

use cove_api::{Filters, ListOptions};
use cove_project::label;
use serde::Serialize;

use super::table;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// The least width of a column.
const NARROWEST: usize = 20;

/// List the projects that have containers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Also projects of which nothing runs
    #[arg(long, short)]
    all: bool,
    /// Only names
    #[arg(long, short)]
    quiet: bool,
    /// Only projects for which that is true: name=PART
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Output as table or json
    #[arg(long, value_name = "FORMAT", default_value = "table", hide_default_value = true, value_parser = ["table", "json"])]
    format: String,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

/// A line.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    name: String,
    status: String,
    config_files: String,
}

/// What containers say of their project.
#[derive(Default)]
struct Gathered {
    states: BTreeMap<String, usize>,
    files: Vec<String>,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    let mut parts = Vec::new();
    for filter in &args.filter {
        match filter.split_once('=').unwrap_or((filter, "")) {
            ("name", part) => parts.push(part),
            (key, _) => return Err(CommandError::other(format!("invalid filter '{key}'"))),
        }
    }
    let engine = context.engine().await?;
    let filters = Filters::from([("label".to_owned(), vec![label::PROJECT.to_owned()])]);
    let containers =
        engine.containers().list(ListOptions { all: args.all, filters, ..ListOptions::default() }).await?;
    let mut projects: BTreeMap<String, Gathered> = BTreeMap::new();
    for container in &containers {
        let one_off = container.labels.get(label::ONE_OFF).is_some_and(|text| text == "True");
        let Some(name) = container.labels.get(label::PROJECT).filter(|_| !one_off) else { continue };
        let project = projects.entry(name.clone()).or_default();
        *project.states.entry(container.state.as_str().to_owned()).or_default() += 1;
        project.files.extend(container.labels.get(label::CONFIG_FILES).cloned());
    }
    let rows: Vec<Row> = projects
        .into_iter()
        .filter(|(name, _)| parts.is_empty() || parts.iter().any(|part| name.contains(part)))
        .map(|(name, gathered)| gathered.row(name))
        .collect();
    if args.quiet {
        for row in &rows {
            context.printer.line(&row.name)?;
        }
    } else if args.format == "json" {
        let text = serde_json::to_string(&rows).map_err(|error| CommandError::other(error.to_string()))?;
        context.printer.line(&text)?;
    } else {
        let head = ["NAME", "STATUS", "CONFIG FILES"].map(str::to_owned).to_vec();
        let cells = rows.into_iter().map(|row| vec![row.name, row.status, row.config_files]);
        let cells: Vec<Vec<String>> = std::iter::once(head).chain(cells).collect();
        context.printer.text(&table::columns(&cells, NARROWEST))?;
    }
    Ok(0)
}

impl Gathered {
    fn row(self, name: String) -> Row {
        let states = self.states.iter().map(|(state, number)| format!("{state}({number})"));
        let mut told = BTreeSet::new();
        let files: Vec<&str> =
            self.files.iter().flat_map(|files| files.split(',')).filter(|file| told.insert(*file)).collect();
        let config_files = if files.is_empty() { "N/A".to_owned() } else { files.join(",") };
        Row { name, status: states.collect::<Vec<_>>().join(", "), config_files }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_told_once() {
        let gathered = Gathered {
            states: [("running".to_owned(), 2), ("exited".to_owned(), 1)].into(),
            files: vec!["/a,/b".to_owned(), "/a".to_owned()],
        };
        let expected =
            Row { name: "shop".into(), status: "exited(1), running(2)".into(), config_files: "/a,/b".into() };
        assert_eq!(gathered.row("shop".to_owned()), expected);
        assert_eq!(Gathered::default().row(String::new()).config_files, "N/A");
    }
}
