//! `cove artifact ls`

use cove_api::Artifact;
use cove_spec::age::ago;
use jiff::Timestamp;

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json, to_value};
use crate::render::{human_size_spaced, short_id};

const CREATED: &str = "org.opencontainers.image.created";

/// List artifacts
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// No heads of columns
    #[arg(long, short = 'n')]
    noheading: bool,
    /// Whole digests
    #[arg(long)]
    no_trunc: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let artifacts = context.engine().await?.artifacts().list().await?;
    if args.format.as_deref().is_some_and(is_json) {
        let rows = artifacts.iter().map(to_value).collect();
        context.printer.document(&to_json(&Value::List(rows), 4))?;
        return Ok(0);
    }
    let report = match &args.format {
        Some(format) => Report::user("ls", format)?,
        None => Report::own("ls", "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.Created}}\t{{.Size}}")?,
    };
    let now = Timestamp::now();
    let rows = artifacts.iter().map(|artifact| row(artifact, args.no_trunc, now)).collect();
    let headers = (!args.noheading).then_some(Headers(&[]));
    context.printer.text(&report.render(rows, headers)?)?;
    Ok(0)
}

fn row(artifact: &Artifact, whole: bool, now: Timestamp) -> Value {
    let hex = artifact.digest.strip_prefix("sha256:").unwrap_or(&artifact.digest);
    let (repository, tag) = split_name(&artifact.name);
    let created = artifact.manifest["annotations"][CREATED].as_str();
    let created = created.and_then(|text| text.parse::<Timestamp>().ok());
    let size = artifact.size();
    Struct::new("artifact.artifactListOutput")
        .with("Digest", if whole { hex } else { short_id(hex) })
        .with("Repository", repository)
        .with("Tag", tag)
        .with("Created", created.map(|time| ago(time, now)).unwrap_or_default())
        .with("CreatedAt", created.map(crate::format::go_time).unwrap_or_default())
        .with("Size", human_size_spaced(i64::try_from(size).unwrap_or(i64::MAX)))
        .with("VirtualSize", size.to_string())
        .into()
}

fn split_name(name: &str) -> (&str, &str) {
    let plain = name.split('@').next().unwrap_or(name);
    match plain.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (plain, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(split_name("localhost:5000/a:1"), ("localhost:5000/a", "1"));
        assert_eq!(split_name("localhost:5000/a@sha256:00"), ("localhost:5000/a", ""));
    }
}
