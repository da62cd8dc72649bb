//! `cove search`

use cove_api::{Filters, SearchOptions, SearchResult};

use crate::args::registry::RegistryArgs;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json, to_value};

/// How much of a description a table shows.
const SHOWN: usize = 44;

/// Search registries for images
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to look for, with or without a registry, such as busybox or quay.io/podman
    #[arg(value_name = "TERM")]
    term: String,
    /// Also stars, official and automated, as docker has them
    #[arg(long)]
    compatible: bool,
    /// Only results for which that is true: stars=NUMBER, is-official or is-automated
    #[arg(long, short, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// At most so many results of each registry
    #[arg(long, value_name = "NUMBER", default_value_t = 0, hide_default_value = true)]
    limit: u32,
    /// The tags of the repository that the term names
    #[arg(long)]
    list_tags: bool,
    /// Whole descriptions
    #[arg(long)]
    no_trunc: bool,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] TERM");

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.list_tags && !args.filter.is_empty() {
        return Err(CommandError::other("filters are not applicable to list tags result"));
    }
    let options = SearchOptions {
        limit: args.limit,
        filters: filters(&args.filter),
        list_tags: args.list_tags,
        access: args.registry.access()?,
    };
    let mut found = context.engine().await?.images().search(&args.term, options).await?;
    if found.is_empty() {
        return Ok(0);
    }
    let json = args.format.as_deref().is_some_and(is_json);
    for result in &mut found {
        result.description = shortened(&result.description, args.no_trunc || json);
    }
    if json {
        let rows = if args.list_tags { tags_by_name(&found) } else { found.iter().map(to_value).collect() };
        context.printer.document(&to_json(&Value::List(rows), 4))?;
        return Ok(0);
    }
    let report = match &args.format {
        Some(format) => Report::user("search", format)?,
        None if args.list_tags => Report::own("search", "{{.Name}}\t{{.Tag}}")?,
        None if args.compatible => {
            Report::own("search", "{{.Name}}\t{{.Description}}\t{{.Stars}}\t{{.Official}}\t{{.Automated}}")?
        }
        None => Report::own("search", "{{.Name}}\t{{.Description}}")?,
    };
    let rows = found.iter().map(to_value).collect();
    context.printer.text(&report.render(rows, Some(Headers(&[])))?)?;
    Ok(0)
}

/// `is-official` alone means that it is true.
fn filters(texts: &[String]) -> Filters {
    let mut filters = Filters::new();
    for text in texts {
        let (key, value) = text.split_once('=').unwrap_or((text, "true"));
        filters.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    filters
}

fn shortened(description: &str, whole: bool) -> String {
    let line = description.replace('\n', " ");
    if whole || line.len() <= SHOWN {
        return line;
    }
    let end = line.floor_char_boundary(SHOWN);
    format!("{}...", line[..end].trim())
}

/// The tags of each repository as one entry.
fn tags_by_name(found: &[SearchResult]) -> Vec<Value> {
    let mut entries: Vec<(&str, Vec<Value>)> = Vec::new();
    for result in found {
        let tag = Value::from(result.tag.as_str());
        match entries.iter_mut().find(|(name, _)| *name == result.name) {
            Some((_, tags)) => tags.push(tag),
            None => entries.push((&result.name, vec![tag])),
        }
    }
    let entry =
        |(name, tags)| Struct::new("listEntryTag").with("Name", name).with("Tags", Value::List(tags)).into();
    entries.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_cut_between_letters() {
        assert_eq!(shortened("one\ntwo", false), "one two");
        let long = "ä".repeat(40);
        assert_eq!(shortened(&long, false), format!("{}...", "ä".repeat(22)));
        assert_eq!(shortened(&long, true), long);
    }
}
