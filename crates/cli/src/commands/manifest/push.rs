//! `cove manifest push`

use std::path::PathBuf;

use cove_api::{ManifestRemoveOptions, PushOptions};

use crate::args::registry::RegistryArgs;
use crate::args::signing::{EncryptionArgs, SigningArgs};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::image::push::{compression, digest_file, follow, format};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Bring a list and its images to a registry
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// Where to, such as quay.io/org/name:tag; else the list's own name
    #[arg(value_name = "DESTINATION")]
    destination: Option<String>,
    /// Also send each image packed like that: gzip, zstd or zstd:chunked
    #[arg(long, value_name = "FORMAT", value_delimiter = ',')]
    add_compression: Vec<String>,
    /// Also the images, not the list alone
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = true, action = clap::ArgAction::Set)]
    all: bool,
    /// How layers are packed: gzip, zstd or zstd:chunked
    #[arg(long, value_name = "FORMAT")]
    compression_format: Option<String>,
    /// How hard they are packed: 1 to 9 for gzip, 1 to 20 for zstd
    #[arg(long, value_name = "LEVEL", allow_negative_numbers = true)]
    compression_level: Option<i32>,
    /// Write the digest of the pushed list to this file
    #[arg(long, value_name = "FILE")]
    digestfile: Option<PathBuf>,
    /// Send layers again that the registry has in another form
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    force_compression: Option<bool>,
    /// The type of the list and its images: oci or v2s2; else their own
    #[arg(long, short, value_name = "TYPE")]
    format: Option<String>,
    /// Neither demand HTTPS nor check certificates
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    insecure: Option<bool>,
    /// Say nothing
    #[arg(long, short)]
    quiet: bool,
    /// Leave signatures behind; images of the store have none
    #[arg(long)]
    remove_signatures: bool,
    /// Remove the list from the store when it has been pushed
    #[arg(long, visible_alias = "purge", short_alias = 'p')]
    rm: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    signing: SigningArgs,
    #[command(flatten)]
    encryption: EncryptionArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] LIST [DESTINATION]");

async fn run(context: &Context, args: Args) -> CommandResult {
    for (what, text) in [("image name", Some(&args.list)), ("destination", args.destination.as_ref())] {
        if text.is_some_and(String::is_empty) {
            return Err(CommandError::other(format!("invalid {what} \"\"")));
        }
    }
    let mut access = args.registry.access()?;
    if let Some(insecure) = args.insecure {
        if access.tls_verify.is_some() {
            return Err(CommandError::other("--insecure may not be used with --tls-verify"));
        }
        access.tls_verify = Some(!insecure);
    }
    let (encryption_keys, encrypt_layers) = args.encryption.keys()?;
    let options = PushOptions {
        encryption_keys,
        encrypt_layers,
        destination: args.destination.unwrap_or_default(),
        format: args.format.as_deref().map(format).transpose()?,
        compression: args.compression_format.as_deref().map(compression).transpose()?,
        compression_level: args.compression_level,
        // As with podman: a form that is asked for is what is sent.
        force_compression: args.force_compression.unwrap_or(args.compression_format.is_some()),
        remove_signatures: args.remove_signatures,
        all: Some(args.all),
        add_compression: args
            .add_compression
            .iter()
            .map(|format| compression(format))
            .collect::<Result<_, _>>()?,
        access,
        signing: args.signing.keys()?,
        ..PushOptions::default()
    };
    let digest_file = args.digestfile.as_deref().map(digest_file).transpose()?;
    let engine = context.engine().await?;
    let steps = engine.manifests().push(&args.list, options).await?;
    follow(context, steps, args.quiet, digest_file).await?;
    if args.rm {
        let removed = engine.manifests().remove(&args.list, ManifestRemoveOptions::default()).await?;
        if let Some(error) = removed.failure() {
            return Err(error.context("removing manifest after push").into());
        }
    }
    Ok(0)
}
