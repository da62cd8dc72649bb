//! `cove artifact add`

use std::collections::BTreeSet;
use std::path::Path;

use cove_api::{ArtifactAddOptions, ArtifactRemoveOptions, Engine};

use crate::args::at_least;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::file_stream;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Make an artifact of files, or add files to one
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name with a registry, such as quay.io/org/name:tag or localhost/name
    #[arg(value_name = "ARTIFACT")]
    name: String,
    /// The files
    #[arg(value_name = "PATH")]
    files: Vec<String>,
    /// Annotation of the files, and of a new artifact
    #[arg(long, value_name = "KEY=VALUE")]
    annotation: Vec<String>,
    /// To an artifact that exists
    #[arg(long, short)]
    append: bool,
    /// Media type of the files; else it is found out
    #[arg(long, value_name = "TYPE")]
    file_type: Option<String>,
    /// In place of an artifact that exists
    #[arg(long)]
    replace: bool,
    /// What sort of artifact it is
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
}

/// The annotation by which a file has another name in the artifact.
const TITLE: &str = "org.opencontainers.image.title=";

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] ARTIFACT PATH [PATH...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.files, 1)?;
    if args.append && args.replace {
        return Err(CommandError::other("--append and --replace options cannot be used together"));
    }
    if args.append && args.kind.as_deref().is_some_and(|kind| !kind.is_empty()) {
        return Err(CommandError::other("append option is not compatible with type option"));
    }
    if let Some(text) = args.annotation.iter().find(|text| !text.contains('=')) {
        return Err(CommandError::other(format!("annotation {text:?} must be in key=value format")));
    }
    let names = file_names(&args.files)?;
    if args.files.len() > 1 && args.annotation.iter().any(|text| text.starts_with(TITLE)) {
        return Err(CommandError::other("several files cannot have one title"));
    }
    let engine = context.engine().await?;
    let mut digest = String::new();
    for (position, (path, file_name)) in args.files.iter().zip(names).enumerate() {
        let is_first = position == 0;
        let options = ArtifactAddOptions {
            name: args.name.clone(),
            file_name,
            file_type: args.file_type.clone().unwrap_or_default(),
            annotations: args.annotation.clone(),
            artifact_type: if is_first { args.kind.clone().unwrap_or_default() } else { String::new() },
            append: args.append || !is_first,
            replace: args.replace && is_first,
        };
        match add(engine, options, path).await {
            Ok(added) => digest = added,
            Err(error) => {
                // An artifact that could not be made whole is not left in parts.
                if !is_first && !args.append {
                    let options = ArtifactRemoveOptions {
                        artifacts: vec![args.name],
                        ..ArtifactRemoveOptions::default()
                    };
                    let _ = engine.artifacts().remove(options).await;
                }
                return Err(error);
            }
        }
    }
    context.printer.line(digest.strip_prefix("sha256:").unwrap_or(&digest))?;
    Ok(0)
}

async fn add(engine: &dyn Engine, options: ArtifactAddOptions, path: &str) -> Result<String, CommandError> {
    Ok(engine.artifacts().add(options, file_stream(path)?).await?)
}

/// The names of the files in the artifact, which must be files and of different names.
fn file_names(paths: &[String]) -> Result<Vec<String>, CommandError> {
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    for path in paths {
        if !cove_sys::fs::metadata(path)?.is_file() {
            return Err(CommandError::other(format!("{path}: is no regular file")));
        }
        // Before anything is replaced by the first of them.
        drop(cove_sys::fs::File::open(path)?);
        let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.contains('\\') {
            return Err(CommandError::other(format!("{path}: an artifact's file cannot have that name")));
        }
        if !seen.insert(name.clone()) {
            return Err(CommandError::other(format!("{name}: file already exists in artifact")));
        }
        names.push(name);
    }
    Ok(names)
}
