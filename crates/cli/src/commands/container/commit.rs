//! `cove commit`

use std::io::{Read as _, Write};
use std::path::Path;

use cove_api::{CommitFormat, CommitOptions, ImageConfig};
use cove_sys::output::{Existing, OutputFile};

use crate::args::{at_least, at_most};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Longest file of `--config`, in bytes.
const LONGEST_CONFIG: u64 = 4 << 20;

/// Make an image of what a container has changed
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The container, then perhaps the name of the image
    #[arg(value_name = "CONTAINER [IMAGE]")]
    words: Vec<String>,
    /// Who made it
    #[arg(long, short, value_name = "TEXT", default_value = "", hide_default_value = true)]
    author: String,
    /// Instruction such as CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or WORKDIR
    #[arg(long, short, value_name = "INSTRUCTION")]
    change: Vec<String>,
    /// File with a configuration in JSON that takes the place of the container's
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// Format of the image: oci or docker
    #[arg(long, short, value_name = "FORMAT", default_value = "oci")]
    format: String,
    /// File that the id of the image is written to
    #[arg(long, value_name = "FILE")]
    iidfile: Option<String>,
    /// Volumes and mounts of the container become volumes of the image
    #[arg(long)]
    include_volumes: bool,
    /// Message kept in the image's history; for the format docker alone
    #[arg(long, short, value_name = "TEXT", default_value = "", hide_default_value = true)]
    message: String,
    /// Freeze the container meanwhile
    #[arg(long, short)]
    pause: bool,
    /// Only the id
    #[arg(long, short)]
    quiet: bool,
    /// One layer with all that the container has
    #[arg(long, short)]
    squash: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [IMAGE]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.words, 1)?;
    at_most(&args.words, 2)?;
    let name = args.words[0].trim_start_matches('/');
    let format = match args.format.as_str() {
        "oci" => CommitFormat::Oci,
        "docker" => CommitFormat::Docker,
        other => return Err(CommandError::other(format!("unrecognized image format {other:?}"))),
    };
    if format == CommitFormat::Oci && !args.message.is_empty() {
        // Told before anything is said to be done.
        return Err(CommandError::other(
            "messages are only compatible with the docker image format (-f docker)",
        ));
    }
    let (repo, tag) = split_tag(args.words.get(1).map_or("", String::as_str));
    let options = CommitOptions {
        author: args.author,
        changes: args.change,
        comment: args.message,
        format,
        pause: args.pause,
        squash: args.squash,
        repo: repo.to_owned(),
        tag: tag.to_owned(),
        include_volumes: args.include_volumes,
        config: args.config.as_deref().map(read_config).transpose()?,
    };
    let id_file = match &args.iidfile {
        Some(path) if !path.is_empty() => Some(OutputFile::create(Path::new(path), Existing::Replace)?),
        _ => None,
    };
    let files = context.engine().await?.files();
    if !args.quiet {
        context
            .printer
            .error_line(&format!("Getting image layers of container {}", cove_api::shown::line(name)));
    }
    let id = files.commit(name, options).await?;
    if !args.quiet {
        context.printer.error_line("Writing manifest to image destination: done");
    }
    if let Some(mut file) = id_file {
        file.write_all(id.as_bytes())?;
        file.finish()?;
    }
    context.printer.line(&id)?;
    Ok(0)
}

fn read_config(path: &str) -> Result<ImageConfig, CommandError> {
    let wrong = |reason: &dyn std::fmt::Display| CommandError::other(format!("--config: {reason}"));
    let file = cove_sys::fs::File::open(path).map_err(|error| wrong(&error))?;
    let mut text = Vec::new();
    std::io::Read::take(file, LONGEST_CONFIG).read_to_end(&mut text).map_err(|error| wrong(&error))?;
    cove_api::wire::json::decode(&text).map_err(|error| wrong(&cove_api::Error::from(error)))
}

/// Parts a name before the colon of its tag.
fn split_tag(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, ""),
    }
}
