//! `cove quadlet list`

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cove_quadlet::{Kind, Loaded, known_units, load_whole};
use cove_sys::systemd::UnitState;
use regex::Regex;

use super::{Quadlets, file_name};
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

/// A unit file as the list shows it.
#[derive(Debug, Default)]
struct Row {
    name: String,
    /// Empty where the file cannot be read.
    unit: String,
    path: String,
    status: String,
    application: String,
    pod: String,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let filters = filters(&args.filter)?;
    let quadlets = Quadlets::open(context)?;
    let mut rows = rows(&quadlets)?;
    rows.retain(|row| {
        filters.iter().all(|(key, patterns)| patterns.iter().any(|one| one.is_match(row.field(key))))
    });
    let rows: Vec<Value> = rows.into_iter().map(Value::from).collect();
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

fn rows(quadlets: &Quadlets) -> Result<Vec<Row>, CommandError> {
    let mut applications = HashMap::new();
    for (application, files) in quadlets.installed.applications()? {
        applications.extend(files.into_iter().map(|file| (file, application.clone())));
    }
    let mut rows: Vec<Row> = quadlets.all().iter().map(|path| row(path, &quadlets.folders)).collect();
    let units: Vec<String> =
        rows.iter().filter(|row| row.status.is_empty()).map(|row| row.unit.clone()).collect();
    let states = quadlets.systemd.states(&units).map_err(super::asking)?;
    for row in &mut rows {
        row.application = applications.get(&row.name).cloned().unwrap_or_default();
        if row.status.is_empty() {
            row.status = states.get(&row.unit).map_or_else(|| UnitState::default().shown(), UnitState::shown);
        }
    }
    Ok(rows)
}

fn row(path: &Path, folders: &[PathBuf]) -> Row {
    let mut row = Row { name: file_name(path), path: path.display().to_string(), ..Row::default() };
    match service(path, folders) {
        Ok((unit, pod)) => (row.unit, row.pod) = (unit, pod),
        Err(error) => row.status = error.to_string(),
    }
    row
}

/// The service that a unit file becomes, and the pod that it names.
pub(super) fn service(path: &Path, folders: &[PathBuf]) -> Result<(String, String), cove_quadlet::Error> {
    let name = file_name(path);
    let kind = Kind::of(&name).ok_or_else(|| cove_quadlet::Error::Kind(name.clone()))?;
    let file = load_whole(path, folders, &mut |remark| tracing::debug!("{remark}"))?;
    let pod = file.text(Kind::Container.section(), "Pod").unwrap_or_default().to_owned();
    let known = known_units([&Loaded { kind, file }]);
    Ok((known.into_values().next().map(|known| known.service_file()).unwrap_or_default(), pod))
}

type Patterns = HashMap<String, Vec<Regex>>;

/// The patterns by what they are about; of one thing any may fit, and of each thing one must.
fn filters(words: &[String]) -> Result<Patterns, CommandError> {
    let mut filters = Patterns::new();
    for word in words {
        let Some((key, pattern)) = word.split_once('=') else {
            return Err(CommandError::other(format!("invalid filter {word:?}")));
        };
        if !["name", "status", "pod"].contains(&key) {
            return Err(CommandError::other(format!("{key} is not a valid filter")));
        }
        let pattern = Regex::new(pattern)
            .map_err(|error| CommandError::other(format!("invalid filter {word:?}: {error}")))?;
        filters.entry(key.to_owned()).or_default().push(pattern);
    }
    Ok(filters)
}

impl Row {
    fn field(&self, key: &str) -> &str {
        match key {
            "name" => &self.name,
            "status" => &self.status,
            _ => &self.pod,
        }
    }
}

impl From<Row> for Value {
    fn from(row: Row) -> Self {
        Struct::new("entities.ListQuadlet")
            .with("Name", row.name)
            .with("UnitName", row.unit)
            .with("Path", row.path)
            .with("Status", row.status)
            .with("App", row.application)
            .with("Pod", row.pod)
            .into()
    }
}
