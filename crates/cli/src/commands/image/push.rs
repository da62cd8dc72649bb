//! `cove push`

use std::io::Write;
use std::path::{Path, PathBuf};

use cove_api::{Progress, PushCompression, PushFormat, PushOptions, PushReport, ValueStream};
use cove_sys::output::{Existing, OutputFile};
use futures_util::StreamExt;

use crate::args::registry::RegistryArgs;
use crate::args::signing::{EncryptionArgs, PolicyArgs, SigningArgs};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::render::PullProgress;

/// Bring an image to a registry or an archive
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image
    #[arg(value_name = "IMAGE")]
    image: String,
    /// Where to, such as quay.io/org/name:tag, or with a transport such as oci-archive:FILE; else the image's own name
    #[arg(value_name = "DESTINATION")]
    destination: Option<String>,
    /// How layers are packed: gzip, zstd or zstd:chunked
    #[arg(long, value_name = "FORMAT")]
    compression_format: Option<String>,
    /// How hard they are packed: 1 to 9 for gzip, 1 to 20 for zstd
    #[arg(long, value_name = "LEVEL", allow_negative_numbers = true)]
    compression_level: Option<i32>,
    /// Send layers again that the registry has in another form
    #[arg(long)]
    force_compression: bool,
    /// Write the digest of the pushed manifest to this file
    #[arg(long, value_name = "FILE")]
    digestfile: Option<PathBuf>,
    /// Pack the layers of a dir: destination
    #[arg(long = "compress", alias = "dir-compress")]
    dir_compress: bool,
    /// Accepted for scripts written for Docker, and without effect
    #[arg(long)]
    disable_content_trust: bool,
    /// The manifest's type: oci or v2s2; else the image's own
    #[arg(long, short, value_name = "TYPE")]
    format: Option<String>,
    /// Say nothing
    #[arg(long, short)]
    quiet: bool,
    /// Leave signatures behind; images of the store have none
    #[arg(long)]
    remove_signatures: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    signing: SigningArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    encryption: EncryptionArgs,
}

pub(in crate::commands) fn format(text: &str) -> Result<PushFormat, CommandError> {
    match text {
        "oci" => Ok(PushFormat::Oci),
        "v2s2" | "docker" => Ok(PushFormat::Docker),
        "v2s1" => {
            Err(CommandError::other("--format v2s1: no engine of today writes Docker's schema 1: use v2s2"))
        }
        _ => Err(CommandError::other(format!(
            "unknown format {text:?}. Choose one of the supported formats: 'oci', 'v2s2'"
        ))),
    }
}

pub(in crate::commands) fn compression(text: &str) -> Result<PushCompression, CommandError> {
    match text {
        "gzip" => Ok(PushCompression::Gzip),
        "zstd" => Ok(PushCompression::Zstd),
        "zstd:chunked" => Ok(PushCompression::ZstdChunked),
        _ => Err(CommandError::other(format!(
            "unknown compression format {text:?}: must be gzip, zstd or zstd:chunked"
        ))),
    }
}

/// The file that gets the digest of what was pushed.
pub(in crate::commands) struct DigestFile {
    file: OutputFile,
    name: String,
}

pub(in crate::commands) fn digest_file(path: &Path) -> Result<DigestFile, CommandError> {
    let name = path.display().to_string();
    match OutputFile::create(path, Existing::Replace) {
        Ok(file) => Ok(DigestFile { file, name }),
        Err(error) => Err(CommandError::other(format!("--digestfile {name}: {error}"))),
    }
}

impl DigestFile {
    pub(in crate::commands) fn write(mut self, digest: &str) -> Result<(), CommandError> {
        self.file
            .write_all(digest.as_bytes())
            .and_then(|()| self.file.finish())
            .map_err(|error| CommandError::other(format!("--digestfile {}: {error}", self.name)))
    }
}

/// Shows the progress of a push up to its end.
pub(in crate::commands) async fn follow(
    context: &Context,
    mut steps: ValueStream<Progress<PushReport>>,
    quiet: bool,
    digest_file: Option<DigestFile>,
) -> Result<(), CommandError> {
    let mut progress = PullProgress::new(&context.printer, quiet);
    while let Some(step) = steps.next().await {
        match step? {
            Progress::Message(line) => progress.message(line.trim_end()),
            Progress::Blob(blob) => progress.blob(&blob),
            Progress::Done(report) => {
                return match digest_file {
                    Some(file) => file.write(&report.manifest_digest),
                    None => Ok(()),
                };
            }
        }
    }
    Err(CommandError::other("the push ended without saying how"))
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] IMAGE [DESTINATION]");

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.force_compression && args.compression_format.is_none() {
        return Err(CommandError::other("--force-compression needs --compression-format"));
    }
    let (encryption_keys, encrypt_layers) = args.encryption.keys()?;
    let options = PushOptions {
        encryption_keys,
        encrypt_layers,
        destination: args.destination.unwrap_or_default(),
        format: args.format.as_deref().map(format).transpose()?,
        compression: args.compression_format.as_deref().map(compression).transpose()?,
        compression_level: args.compression_level,
        force_compression: args.force_compression,
        remove_signatures: args.remove_signatures,
        access: args.registry.access()?,
        compress_directory: args.dir_compress,
        signing: args.signing.keys()?,
        signature_policy: args.policy.signature_policy,
        ..PushOptions::default()
    };
    let digest_file = args.digestfile.as_deref().map(digest_file).transpose()?;
    let steps = context.engine().await?.images().push(&args.image, options).await?;
    follow(context, steps, args.quiet, digest_file).await?;
    Ok(0)
}
