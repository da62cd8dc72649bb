//! `cove save`

use std::io::Write;
use std::path::Path;

use cove_api::{ArchiveFormat, SaveOptions};
use cove_sys::output::{Existing, OutputFile};

use crate::args::at_least;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::drain;
use crate::commands::untar::untar_into;
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
    /// Pack the layers of a docker-dir
    #[arg(long)]
    compress: bool,
    /// docker-archive, oci-archive, or for a folder docker-dir or oci-dir
    #[arg(long, value_name = "FORMAT", default_value = "docker-archive")]
    format: String,
    /// Every argument is an image of its own, not a further name of the first
    #[arg(long, short)]
    multi_image_archive: bool,
    /// No progress
    #[arg(long, short)]
    quiet: bool,
    /// Keep the layers of an oci-archive or oci-dir as they are
    #[arg(long)]
    uncompressed: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] IMAGE [IMAGE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.images, 1)?;
    let format = match args.format.as_str() {
        "docker-archive" => ArchiveFormat::DockerArchive,
        "oci-archive" => ArchiveFormat::OciArchive,
        "docker-dir" => ArchiveFormat::DockerDir,
        "oci-dir" => ArchiveFormat::OciDir,
        other => {
            return Err(CommandError::other(format!(
                "unknown format {other:?}: must be one of docker-archive, docker-dir, oci-archive, oci-dir"
            )));
        }
    };
    if args.compress && format != ArchiveFormat::DockerDir {
        return Err(CommandError::other("--compress can only be set when --format is 'docker-dir'"));
    }
    let is_folder = matches!(format, ArchiveFormat::DockerDir | ArchiveFormat::OciDir);
    let output = args.output.as_deref().filter(|path| !path.is_empty() && *path != "/dev/stdout");
    if is_folder && output.is_none() {
        return Err(CommandError::other(format!(
            "the format {:?} is a folder: name it with -o",
            args.format
        )));
    }
    if output.is_none() && context.printer.out_is_terminal() {
        return Err(CommandError::other("refusing to save to terminal. Use -o flag or redirect"));
    }
    if let Some(path) = output.filter(|path| path.contains(':')) {
        return Err(CommandError::other(format!("invalid filename (should not contain ':') {path:?}")));
    }
    let multi = args.multi_image_archive || context.conf.engine.multi_image_archive == Some(true);
    if is_folder && args.images.len() > 1 && multi {
        return Err(CommandError::other(
            "multi-image archives are only supported in the format docker-archive",
        ));
    }
    let options = SaveOptions {
        format,
        multi,
        compress: args.compress,
        oci_accept_uncompressed_layers: args.uncompressed,
    };
    let pieces = context.engine().await?.images().save(args.images, options).await?;
    let Some(path) = output else {
        drain(pieces, |piece| context.printer.bytes(piece)).await?;
        return Ok(0);
    };
    if is_folder {
        untar_into(pieces, Path::new(path)).await?;
        return Ok(0);
    }
    let mut file = OutputFile::create(Path::new(path), Existing::Replace)?;
    drain(pieces, |piece| file.write_all(piece).map_err(CommandError::from)).await?;
    file.finish()?;
    Ok(0)
}
