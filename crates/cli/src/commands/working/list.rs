//! `cove build-container containers`

use cove_api::WorkingContainer;

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::{filter_fault, filters};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, to_json};
use crate::render::short_id;

/// List working containers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Also the containers that no image is made in
    #[arg(long, short)]
    all: bool,
    /// Only those for which that is true: id=ID, name=NAME or ancestor=IMAGE
    #[arg(long, short, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Output by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Output as json
    #[arg(long)]
    json: bool,
    /// No heads of columns
    #[arg(long, short)]
    noheading: bool,
    /// Whole ids
    #[arg(long)]
    notruncate: bool,
    /// Only ids
    #[arg(long, short)]
    quiet: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let wanted = filters(&args.filter, filter_fault)?;
    if let Some(key) = wanted.keys().find(|key| !matches!(key.as_str(), "id" | "name" | "ancestor")) {
        return Err(CommandError::other(format!("{key:?} is an invalid filter")));
    }
    let rows = context.engine().await?.working().list(args.all).await?;
    let matches = |row: &&WorkingContainer| {
        wanted.iter().all(|(key, values)| {
            values.iter().any(|value| match key.as_str() {
                "id" => row.id.starts_with(value),
                "name" => row.name.contains(value),
                _ => row.image_id.starts_with(value) || row.image_name.contains(value),
            })
        })
    };
    let rows: Vec<&WorkingContainer> = rows.iter().filter(matches).collect();
    if args.json {
        let rows = rows.iter().map(|row| {
            Struct::new("container")
                .with("id", row.id.as_str())
                .with("builder", row.is_builder)
                .with("imageid", row.image_id.as_str())
                .with("imagename", row.image_name.as_str())
                .with("containername", row.name.as_str())
                .into()
        });
        context.printer.document(&to_json(&Value::List(rows.collect()), 4))?;
        return Ok(0);
    }
    if args.quiet && args.format.is_none() {
        for row in &rows {
            context.printer.line(&row.id)?;
        }
        return Ok(0);
    }
    let shown = |id: &str| if args.notruncate { id.to_owned() } else { short_id(id).to_owned() };
    let rows = rows.iter().map(|row| {
        Struct::new("container")
            .with("ContainerID", shown(&row.id))
            .with("Builder", if row.is_builder { "   *" } else { "" })
            .with("ImageID", shown(&row.image_id))
            .with("ImageName", row.image_name.as_str())
            .with("ContainerName", row.name.as_str())
            .into()
    });
    let report = match &args.format {
        Some(format) => Report::user("containers", format)?,
        None => Report::own(
            "containers",
            "{{.ContainerID}}\t{{.Builder}}\t{{.ImageID}}\t{{.ImageName}}\t{{.ContainerName}}",
        )?,
    };
    let heads = Headers(&[
        ("ContainerID", "CONTAINER ID"),
        ("ImageID", "IMAGE ID"),
        ("ImageName", "IMAGE NAME"),
        ("ContainerName", "CONTAINER NAME"),
    ]);
    context.printer.text(&report.render(rows.collect(), (!args.noheading).then_some(heads))?)?;
    Ok(0)
}
