//! `cove save`

use std::io::Write;
use std::path::Path;

use cove_api::{ArchiveFormat, SaveOptions};
use cove_sys::output::{Existing, OutputFile};

use crate::args::at_least;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::drain;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Write images to an archive
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// The archive; standard output where none is given
    #[arg(long, short, value_name = "FILE")]
    output: Option<String>,
    /// docker-archive or oci-archive
    #[arg(long, value_name = "FORMAT", default_value = "docker-archive")]
    format: String,
    /// Every argument is an image of its own, not a further name of the first
    #[arg(long, short)]
    multi_image_archive: bool,
    /// No progress
    #[arg(long, short)]
    quiet: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] IMAGE [IMAGE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.images, 1)?;
    let format = match args.format.as_str() {
        "docker-archive" => ArchiveFormat::DockerArchive,
        "oci-archive" => ArchiveFormat::OciArchive,
        other @ ("docker-dir" | "oci-dir") => {
            return Err(CommandError::other(format!(
                "the format {other:?} is not supported by this version"
            )));
        }
        other => {
            return Err(CommandError::other(format!(
                "unknown format {other:?}: must be one of docker-archive, oci-archive"
            )));
        }
    };
    let output = args.output.as_deref().filter(|path| !path.is_empty() && *path != "/dev/stdout");
    if output.is_none() && context.printer.out_is_terminal() {
        return Err(CommandError::other("refusing to save to terminal. Use -o flag or redirect"));
    }
    if let Some(path) = output.filter(|path| path.contains(':')) {
        return Err(CommandError::other(format!("invalid filename (should not contain ':') {path:?}")));
    }
    let multi = args.multi_image_archive || context.conf.engine.multi_image_archive == Some(true);
    let options = SaveOptions { format, multi, ..SaveOptions::default() };
    let pieces = context.engine().await?.images().save(args.images, options).await?;
    let Some(path) = output else {
        drain(pieces, |piece| context.printer.bytes(piece)).await?;
        return Ok(0);
    };
    let mut file = OutputFile::create(Path::new(path), Existing::Replace)?;
    drain(pieces, |piece| file.write_all(piece).map_err(CommandError::from)).await?;
    file.finish()?;
    Ok(0)
}
