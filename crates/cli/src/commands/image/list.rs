//! `cove images`

use cove_api::{ImageListOptions, ImageSummary};
use cove_spec::age::ago;
use jiff::Timestamp;

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::filters;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json, to_value};
use crate::render::{human_size_spaced, short_id};

/// List images
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only images of that name
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// Also intermediate images of builds
    #[arg(long, short)]
    all: bool,
    /// Only images for which that is true, such as dangling=true, label=KEY or since=IMAGE
    #[arg(long, short, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Also the digests
    #[arg(long)]
    digests: bool,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// No heads of columns
    #[arg(long, short = 'n', alias = "no-heading")]
    noheading: bool,
    /// Whole ids
    #[arg(long, alias = "notruncate")]
    no_trunc: bool,
    /// Only ids
    #[arg(long, short)]
    quiet: bool,
    /// Sort by created, id, repository, size or tag
    #[arg(long, value_name = "KEY", default_value = "created", value_parser = ["created", "id", "repository", "size", "tag"])]
    sort: String,
    /// Also earlier names
    #[arg(long)]
    history: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [IMAGE]");

/// An image under one of its names.
struct Row {
    repository: String,
    tag: String,
    image: ImageSummary,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.images, 1)?;
    if !args.filter.is_empty() && !args.images.is_empty() {
        return Err(CommandError::other("cannot specify an image and a filter(s)"));
    }
    let mut filters = filters(&args.filter, |text| {
        format!("invalid image filter {text:?}: must be in the format \"filter=value or filter!=value\"")
    })?;
    if let Some(name) = args.images.first() {
        filters.entry("reference".into()).or_default().push(name.clone());
    }
    let options = ImageListOptions { all: args.all, filters };
    let images = context.engine().await?.images().list(options).await?;
    let mut rows: Vec<Row> = images.into_iter().flat_map(rows).collect();
    match args.sort.as_str() {
        "id" => rows.sort_by(|one, other| one.image.id.cmp(&other.image.id)),
        "repository" => {
            rows.sort_by(|one, other| (&one.repository, &one.tag).cmp(&(&other.repository, &other.tag)));
        }
        "size" => rows.sort_by_key(|row| row.image.size),
        "tag" => rows.sort_by(|one, other| one.tag.cmp(&other.tag)),
        _ => rows.sort_by_key(|row| std::cmp::Reverse(row.image.created)),
    }
    let id = |row: &Row| {
        if args.no_trunc { format!("sha256:{}", row.image.id) } else { short_id(&row.image.id).to_owned() }
    };
    if args.format.as_deref().is_some_and(is_json) {
        let rows = rows.iter().map(json_row).collect();
        context.printer.document(&to_json(&Value::List(rows), 4))?;
        return Ok(0);
    }
    if args.quiet {
        let mut seen = std::collections::BTreeSet::new();
        for row in &rows {
            let id = id(row);
            if seen.insert(id.clone()) {
                context.printer.line(&id)?;
            }
        }
        return Ok(0);
    }
    let report = match &args.format {
        Some(format) => Report::user("images", format)?,
        None => {
            let mut columns = vec!["{{.Repository}}", "{{.Tag}}"];
            if args.digests {
                columns.push("{{.Digest}}");
            }
            columns.extend(["{{.ID}}", "{{.Created}}", "{{.Size}}"]);
            if args.history {
                columns.push("{{if .History}}{{.History}}{{else}}<none>{{end}}");
            }
            Report::own("images", &columns.join("\t"))?
        }
    };
    let now = Timestamp::now();
    let values = rows.iter().map(|row| template_row(row, id(row), now)).collect();
    let headers = (!args.noheading).then_some(Headers(&[("ID", "IMAGE ID"), ("ReadOnly", "R/O")]));
    context.printer.text(&report.render(values, headers)?)?;
    Ok(0)
}

/// A row for each name of the image, or one for an image without names.
fn rows(image: ImageSummary) -> Vec<Row> {
    let mut rows: Vec<Row> = image
        .repo_tags
        .iter()
        .map(|name| {
            let (repository, tag) = split_name(name);
            Row { repository, tag, image: image.clone() }
        })
        .collect();
    if rows.iter().any(|row| row.tag != "<none>") {
        rows.retain(|row| row.tag != "<none>");
    } else {
        rows.truncate(1);
    }
    if rows.is_empty() {
        rows.push(Row { repository: "<none>".into(), tag: "<none>".into(), image });
    }
    rows
}

/// Repository and tag of a name.
fn split_name(name: &str) -> (String, String) {
    let plain = name.split('@').next().unwrap_or(name);
    let start = plain.rfind('/').map_or(0, |slash| slash + 1);
    match plain[start..].rfind(':') {
        Some(colon) => (plain[..start + colon].to_owned(), plain[start + colon + 1..].to_owned()),
        None => (plain.to_owned(), "<none>".to_owned()),
    }
}

fn created(row: &Row) -> Timestamp {
    Timestamp::from_second(row.image.created).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn json_row(row: &Row) -> Value {
    let mut value = match to_value(&row.image) {
        Value::Struct(value) => value,
        _ => Struct::new("image"),
    };
    value.fields.retain(|field| field.name != "RepoTags" && field.name != "Created");
    value.set("Created", row.image.created);
    value.set("CreatedAt", created(row));
    if row.repository != "<none>" {
        value.set("Repository", row.repository.as_str());
        value.set("Tag", row.tag.as_str());
    }
    value.into()
}

fn template_row(row: &Row, id: String, now: Timestamp) -> Value {
    let mut value = match to_value(&row.image) {
        Value::Struct(value) => value,
        _ => Struct::new("imageReporter"),
    };
    value.name = "images.imageReporter".into();
    let age = ago(created(row), now);
    value
        .set("Repository", row.repository.as_str())
        .set("Tag", row.tag.as_str())
        .set("ID", id)
        .set("Created", age.clone())
        .set("CreatedSince", age)
        .set("CreatedAt", crate::format::go_time(created(row)))
        .set("CreatedTime", crate::format::go_time(created(row)))
        .set("Size", human_size_spaced(row.image.size))
        .set("History", row.image.history.join(", "));
    value.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, repository, tag) in [
            ("localhost:5000/a/b:1", "localhost:5000/a/b", "1"),
            ("localhost:5000/a/b", "localhost:5000/a/b", "<none>"),
            ("a/b@sha256:00", "a/b", "<none>"),
        ] {
            assert_eq!(split_name(name), (repository.to_owned(), tag.to_owned()));
        }
    }
}
