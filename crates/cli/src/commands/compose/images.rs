//! `cove compose images`

use std::collections::BTreeSet;

use cove_spec::age::ago;
use jiff::Timestamp;
use serde::Serialize;

use super::here::Here;
use super::table;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::render::{human_size, short_id};

/// The least width of a column.
const NARROWEST: usize = 20;

/// List the images of the containers of a project
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Output as table or json
    #[arg(long, value_name = "FORMAT", default_value = "table", hide_default_value = true, value_parser = ["table", "json"])]
    format: String,
    /// Only ids
    #[arg(long, short)]
    quiet: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

/// A line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    #[serde(rename = "ID")]
    id: String,
    container_name: String,
    repository: String,
    tag: String,
    platform: String,
    size: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    let here = Here::of(context, &args.services).await?;
    let mut rows = Vec::new();
    for one in here.containers(&args.services) {
        let image = here.engine.images().inspect(&one.row.image_id).await?;
        let (repository, tag) = named(&one.row.image);
        rows.push(Row {
            id: format!("sha256:{}", image.id.trim_start_matches("sha256:")),
            container_name: one.name.clone(),
            repository,
            tag,
            platform: format!("{}/{}", image.os, image.architecture),
            size: image.size,
            created: image.created,
        });
    }
    if args.quiet {
        let mut told = BTreeSet::new();
        for row in rows.iter().filter(|row| told.insert(&row.id)) {
            context.printer.line(row.id.trim_start_matches("sha256:"))?;
        }
        return Ok(0);
    }
    if args.format == "json" {
        let text = serde_json::to_string(&rows).map_err(|error| CommandError::other(error.to_string()))?;
        context.printer.line(&text)?;
        return Ok(0);
    }
    let now = Timestamp::now();
    let head = ["CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED"];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    cells.extend(rows.into_iter().map(|row| {
        let id = short_id(row.id.trim_start_matches("sha256:")).to_owned();
        let created = row.created.map_or_else(|| "N/A".to_owned(), |created| ago(created, now));
        vec![row.container_name, row.repository, row.tag, row.platform, id, human_size(row.size, 3), created]
    }));
    context.printer.text(&table::columns(&cells, NARROWEST))?;
    Ok(0)
}

/// Repository and tag of an image's name; `<none>` for what is not there.
fn named(image: &str) -> (String, String) {
    let none = || "<none>".to_owned();
    if image.is_empty() || image.starts_with("sha256:") {
        return (none(), none());
    }
    let (name, digest) = image.split_once('@').map_or((image, false), |(name, _)| (name, true));
    match name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
        Some((name, tag)) => (name.to_owned(), tag.to_owned()),
        None if digest => (name.to_owned(), none()),
        None => (name.to_owned(), "latest".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        for (image, repository, tag) in [
            ("localhost/busy:1", "localhost/busy", "1"),
            ("host:5000/busy", "host:5000/busy", "latest"),
            ("host:5000/busy:2@sha256:ab", "host:5000/busy", "2"),
            ("busy@sha256:ab", "busy", "<none>"),
            ("sha256:ab", "<none>", "<none>"),
        ] {
            assert_eq!(named(image), (repository.to_owned(), tag.to_owned()), "{image}");
        }
    }
}
