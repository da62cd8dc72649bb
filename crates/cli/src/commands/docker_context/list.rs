//! `cove context ls`

use cove_config::contexts::DEFAULT;

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json};

/// List contexts
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Only names
    #[arg(long, short)]
    quiet: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]", Plain);

const HEADERS: Headers = Headers(&[("DockerEndpoint", "DOCKER ENDPOINT")]);

/// A row, with the fields that Docker's program has.
struct Row {
    name: String,
    description: String,
    endpoint: String,
    error: String,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let contexts = super::contexts(context)?;
    let in_use = super::in_use(context, &contexts)?;
    let (found, failures) = contexts.list()?;
    for error in failures {
        tracing::warn!("{}", crate::command_error::chain(&error));
    }
    let mut rows = vec![Row {
        name: DEFAULT.to_owned(),
        description: super::DEFAULT_DESCRIPTION.to_owned(),
        endpoint: super::default_host(context),
        error: String::new(),
    }];
    rows.extend(found.iter().map(|found| Row {
        name: found.name.clone(),
        description: found.description().to_owned(),
        endpoint: super::host(found),
        error: String::new(),
    }));
    if !rows.iter().any(|row| row.name == in_use.name()) {
        // What is in use is shown even where it is not there: else nobody would see why nothing works.
        let error = contexts.get(in_use.name()).err().map(|error| crate::command_error::chain(&error));
        rows.push(Row {
            name: in_use.name().to_owned(),
            description: String::new(),
            endpoint: String::new(),
            error: error.unwrap_or_default(),
        });
    }
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    if args.quiet {
        for row in &rows {
            context.printer.line(&row.name)?;
        }
        return Ok(0);
    }
    let format = args.format.as_deref().filter(|format| !format.is_empty());
    let as_table = format.is_none_or(|format| format.starts_with("table"));
    let rows = rows.into_iter().map(|row| -> Value {
        let current = row.name == in_use.name();
        let name = if as_table && current { format!("{} *", row.name) } else { row.name };
        Struct::new("clientContextContext")
            .with("Current", current)
            .with("Description", row.description)
            .with("DockerEndpoint", row.endpoint)
            .with("Error", row.error)
            .with("Name", name)
            .into()
    });
    if format.is_some_and(is_json) {
        // One a line, as Docker's program writes them.
        for row in rows {
            context.printer.document(&to_json(&row, 0))?;
        }
        return Ok(0);
    }
    let report = match format {
        Some("table") | None => {
            Report::own("ls", "{{.Name}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}")?
        }
        Some(format) => Report::user("ls", format)?,
    };
    context.printer.text(&report.render(rows.collect(), Some(HEADERS))?)?;
    Ok(0)
}
