//! `cove image list-tags`

use cove_registry::{Archive, ImageLocation, Reference};
use serde::Serialize;

use super::args::{PlaceArgs, WholeArgs};
use super::ends::{client, failed, in_time, location};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{to_json, to_value};

/// List the tags of a repository (docker://) or of an archive (docker-archive:)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The repository or archive with its transport
    #[arg(value_name = "REPOSITORY")]
    repositories: Vec<String>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    whole: WholeArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] TRANSPORT:REPOSITORY", Plain);

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tags {
    #[serde(skip_serializing_if = "String::is_empty")]
    repository: String,
    tags: Vec<String>,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    let [text] = args.repositories.as_slice() else {
        return Err(CommandError::other("Exactly one non-option argument expected"));
    };
    args.whole.check()?;
    let reach = args.place.reach(&args.whole)?;
    let found = in_time(&args.whole, async {
        if let Some(name) = text.strip_prefix("docker://") {
            let reference = repository(name)?;
            let tags = client(context, &reach)?.tags(&reference).await;
            let tags = tags.map_err(|error| failed(context, error))?;
            return Ok(Tags { repository: reference.name(), tags });
        }
        match location(text, "source")? {
            ImageLocation::DockerArchive(path, None) => {
                let tags = tags_of_archive(context, &path).map_err(|error| failed(context, error))?;
                Ok(Tags { repository: String::new(), tags })
            }
            ImageLocation::DockerArchive(..) => {
                Err(CommandError::other(format!("{text}: the tags of a whole archive are listed")))
            }
            _ => Err(CommandError::other(format!(
                "Unsupported transport '{}' for tag listing. Only supported: docker, docker-archive",
                text.split(':').next().unwrap_or_default()
            ))),
        }
    })
    .await?;
    context.printer.document(&to_json(&to_value(&found), 4))?;
    Ok(0)
}

fn repository(name: &str) -> Result<Reference, CommandError> {
    let reference = Reference::parse(name).map_err(cove_api::Error::from)?;
    match (reference.tag(), reference.digest()) {
        (None, None) => Ok(reference),
        _ => Err(CommandError::other("No tag or digest allowed in reference")),
    }
}

fn tags_of_archive(context: &Context, path: &std::path::Path) -> cove_registry::Result<Vec<String>> {
    let archive = Archive::open(path, &context.directories.temporary)?;
    let of_image = |position| match archive.written_names(position) {
        [] => vec![format!("@{position}")],
        names => names.to_vec(),
    };
    Ok((0..archive.len()).flat_map(of_image).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_have_neither_tag_nor_digest() {
        assert_eq!(repository("busybox").unwrap().name(), "docker.io/library/busybox");
        assert!(repository("busybox:1").is_err());
        assert!(repository(&format!("busybox@sha256:{}", "0".repeat(64))).is_err());
        assert!(repository("BUSYBOX").is_err());
    }
}
