//! `cove image copy`

use std::path::{Path, PathBuf};

use cove_api::{CopyLayers, ImageCopyOptions, ListSelection};
use cove_registry::{
    CopyOptions, ImageLocation, ImageSource, RawManifest, Target, TargetOptions, copy_images,
};

use super::args::{EndsArgs, Reach, no_daemon};
use super::ends::{client, copy_options, failed, failed_by_engine, in_time, location, source, with_progress};
use crate::args::signing::{DecryptionArgs, EncryptionArgs, SigningArgs};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::image::push::{DigestFile, compression, digest_file, follow, format};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Copy an image from one place to another: between registries (docker://), archives (docker-archive:, oci-archive:), folders (oci:, dir:) and the store (containers-storage:)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where from and where to, each with its transport
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// Further names of the image in a docker-archive
    #[arg(long, value_name = "NAME:TAG", value_delimiter = ',')]
    additional_tag: Vec<String>,
    /// All images of a list, and the list
    #[arg(long, short)]
    all: bool,
    /// What is copied of a list: system, all or index-only
    #[arg(long, value_name = "WHAT")]
    multi_arch: Option<String>,
    /// Fail rather than change a manifest, and with it its digest
    #[arg(long)]
    preserve_digests: bool,
    /// Write the digest of the copied manifest to this file
    #[arg(long, value_name = "FILE")]
    digestfile: Option<PathBuf>,
    /// The manifest's type at the destination: oci or v2s2; else the source's own where it is taken
    #[arg(long, short, value_name = "TYPE")]
    format: Option<String>,
    /// Layers that are copied at once
    #[arg(long, value_name = "NUMBER")]
    image_parallel_copies: Option<u32>,
    /// Say nothing
    #[arg(long, short)]
    quiet: bool,
    /// Leave the source's signatures behind, as is always done on the way to containers-storage:
    #[arg(long)]
    remove_signatures: bool,
    /// The name that is signed, in place of the destination's
    #[arg(long, value_name = "NAME")]
    sign_identity: Option<String>,
    #[command(flatten)]
    layers: LayerArgs,
    #[command(flatten)]
    ends: EndsArgs,
    #[command(flatten)]
    signing: SigningArgs,
    #[command(flatten)]
    encryption: EncryptionArgs,
    #[command(flatten)]
    decryption: DecryptionArgs,
}

// What becomes of layers, and where those of layouts are.
#[derive(Debug, Clone, Default, clap::Args)]
struct LayerArgs {
    /// Pack the plain layers of a dir: destination
    #[arg(long)]
    dest_compress: bool,
    /// Unpack the layers of a dir: destination
    #[arg(long)]
    dest_decompress: bool,
    /// Pack all layers like that: gzip or zstd
    #[arg(long, value_name = "FORMAT")]
    dest_compress_format: Option<String>,
    /// How hard layers are packed: 1 to 9 for gzip, 1 to 20 for zstd
    #[arg(long, value_name = "LEVEL", allow_negative_numbers = true)]
    dest_compress_level: Option<i32>,
    /// Leave no layer in another form than --dest-compress-format
    #[arg(long)]
    dest_force_compress_format: bool,
    /// Leave plain layers plain at an oci: destination
    #[arg(long)]
    dest_oci_accept_uncompressed_layers: bool,
    #[arg(long, hide = true)]
    dest_precompute_digests: bool,
    /// Folder of the blobs of an oci: destination, in place of its own
    #[arg(long, value_name = "DIR")]
    dest_shared_blob_dir: Option<String>,
    /// Folder of the blobs of an oci: source, in place of its own
    #[arg(long, value_name = "DIR")]
    src_shared_blob_dir: Option<String>,
    #[arg(long, hide = true, value_name = "HOST")]
    src_daemon_host: Option<String>,
    #[arg(long, hide = true, value_name = "HOST")]
    dest_daemon_host: Option<String>,
}

impl LayerArgs {
    /// What becomes of layers on the way to `to`.
    fn form(&self, to: &ImageLocation) -> Result<Option<CopyLayers>, CommandError> {
        if self.dest_compress && self.dest_decompress {
            return Err(CommandError::other("--dest-compress and --dest-decompress cannot be used together"));
        }
        if self.dest_force_compress_format && self.dest_compress_format.is_none() {
            return Err(CommandError::other(
                "--dest-force-compress-format can only be used with --dest-compress-format",
            ));
        }
        if self.dest_precompute_digests {
            return Err(CommandError::other(
                "--dest-precompute-digests is not supported by this version: layers that need no packing are never sent twice without it",
            ));
        }
        let is_unpacked = matches!(to, ImageLocation::DockerArchive(..) | ImageLocation::Storage(_));
        if is_unpacked && (self.dest_compress_format.is_some() || self.dest_compress_level.is_some()) {
            return Err(CommandError::other(format!(
                "--dest-compress-format and --dest-compress-level: the layers of {to} are plain"
            )));
        }
        let is_folder = matches!(to, ImageLocation::Directory(_));
        for (name, given) in
            [("dest-compress", self.dest_compress), ("dest-decompress", self.dest_decompress)]
        {
            if given && !is_folder {
                tracing::warn!("--{name} can only be used if the destination transport is 'dir'");
            }
        }
        let is_layout = matches!(to, ImageLocation::OciLayout(..) | ImageLocation::OciArchive(..));
        let unchanged = self.dest_compress_format.is_none();
        Ok(match to {
            _ if is_folder && self.dest_decompress => Some(CopyLayers::Plain),
            _ if is_folder && self.dest_compress && unchanged => Some(CopyLayers::Packed),
            _ if is_layout && self.dest_oci_accept_uncompressed_layers && unchanged => Some(CopyLayers::AsIs),
            // Only where layers are packed is there a form that they are packed in.
            _ if is_folder && !self.dest_compress && !unchanged => Some(CopyLayers::AsIs),
            _ => None,
        })
    }
}

fn selection(all: bool, multi_arch: Option<&str>) -> Result<ListSelection, CommandError> {
    match (all, multi_arch) {
        (true, Some(_)) => Err(CommandError::other("Cannot use --all and --multi-arch flags together")),
        (true, None) | (false, Some("all")) => Ok(ListSelection::All),
        (false, None | Some("system")) => Ok(ListSelection::System),
        (false, Some("index-only")) => Ok(ListSelection::IndexOnly),
        (false, Some(other)) => Err(CommandError::other(format!(
            "unknown multi-arch option {other:?}. Choose one of the supported options: 'system', 'all', or 'index-only'"
        ))),
    }
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] SOURCE DESTINATION", Images);

/// All that is asked for, checked.
struct Plan {
    from: ImageLocation,
    to: ImageLocation,
    source: Reach,
    destination: Reach,
    options: ImageCopyOptions,
}

impl Args {
    fn plan(&self) -> Result<Plan, CommandError> {
        let [from, to] = self.images.as_slice() else {
            return Err(CommandError::other("Exactly two arguments expected"));
        };
        let whole = &self.ends.whole;
        whole.check()?;
        for (name, given) in [
            ("src-daemon-host", &self.layers.src_daemon_host),
            ("dest-daemon-host", &self.layers.dest_daemon_host),
        ] {
            if given.is_some() {
                return Err(no_daemon(name));
            }
        }
        let (from, to) = (location(from, "source")?, location(to, "destination")?);
        let by_digest = matches!(&to, ImageLocation::Registry(to) if to.digest().is_some());
        let source = Reach { shared_blobs: self.layers.src_shared_blob_dir.clone(), ..self.ends.source()? };
        let destination =
            Reach { shared_blobs: self.layers.dest_shared_blob_dir.clone(), ..self.ends.destination()? };
        let (encryption_keys, encrypt_layers) = self.encryption.keys()?;
        let options = ImageCopyOptions {
            selection: selection(self.all, self.multi_arch.as_deref())?,
            format: self.format.as_deref().map(format).transpose()?,
            layers: self.layers.form(&to)?,
            compression: self.layers.dest_compress_format.as_deref().map(compression).transpose()?,
            compression_level: self.layers.dest_compress_level,
            // A digest that is named must come out.
            preserve_digests: self.preserve_digests || by_digest,
            additional_tags: self.additional_tag.clone(),
            os: whole.override_os.clone(),
            arch: whole.override_arch.clone(),
            variant: whole.override_variant.clone(),
            parallel: self.image_parallel_copies,
            shared_blobs: destination.shared_blobs.clone(),
            policy: whole.policy(),
            remove_signatures: self.remove_signatures,
            signing: self.signing.keys()?,
            sign_identity: self.sign_identity.clone(),
            encryption_keys,
            encrypt_layers,
            decryption_keys: self.decryption.keys()?,
            ..ImageCopyOptions::default()
        };
        Ok(Plan { from, to, source, destination, options })
    }
}

async fn run(context: &Context, args: Args) -> CommandResult {
    let plan = args.plan()?;
    let digest_file = args.digestfile.as_deref().map(|path: &Path| digest_file(path)).transpose()?;
    in_time(&args.ends.whole, async {
        let is_stored = |place: &ImageLocation| matches!(place, ImageLocation::Storage(_));
        if is_stored(&plan.from) || is_stored(&plan.to) {
            return by_engine(context, plan, args.quiet, digest_file).await;
        }
        let raw = copy_here(context, &plan, args.quiet).await?;
        match digest_file {
            Some(file) => file.write(&raw.digest().to_string()),
            None => Ok(()),
        }
    })
    .await?;
    Ok(0)
}

/// A copy that touches the store.
async fn by_engine(
    context: &Context,
    plan: Plan,
    quiet: bool,
    digest_file: Option<DigestFile>,
) -> Result<(), CommandError> {
    // The end that is not in the store is the one that is reached.
    let reach = match plan.from {
        ImageLocation::Storage(_) => plan.destination,
        _ => plan.source,
    };
    let options = ImageCopyOptions {
        access: reach.access,
        anonymous: reach.anonymous,
        shared_blobs: reach.shared_blobs,
        signature_places: reach.signature_places,
        ..plan.options
    };
    let images = context.engine().await?.images();
    let steps = images.copy(&plan.from.to_string(), &plan.to.to_string(), options).await;
    let steps = steps.map_err(|error| failed_by_engine(context, error))?;
    follow(context, steps, quiet, digest_file).await
}

/// A copy in this process.
async fn copy_here(context: &Context, plan: &Plan, quiet: bool) -> Result<RawManifest, CommandError> {
    let settings = copy_options(context, &plan.options)?;
    let source = source(context, &plan.from, &plan.source).await?;
    let mut target = TargetOptions::asked(
        &plan.to,
        &plan.options,
        client(context, &plan.destination)?,
        &context.directories.temporary,
    )
    .map_err(|error| failed(context, error))?;
    if let ImageLocation::Registry(reference) = &plan.from {
        target.mount_from = vec![reference.clone()];
    }
    copy_to(context, &*source, &plan.to, target, plan.options.selection, settings, quiet).await
}

/// Copies to a destination that is opened for it, and shows the progress.
pub(super) async fn copy_to(
    context: &Context,
    source: &dyn ImageSource,
    to: &ImageLocation,
    target: TargetOptions,
    selection: ListSelection,
    settings: CopyOptions,
    quiet: bool,
) -> Result<RawManifest, CommandError> {
    with_progress(context, quiet, settings, async |mut settings| {
        let target = Target::open(to, target).await?;
        settings.names.clone_from(&target.names);
        let raw = copy_images(source, &*target.destination()?, selection, &settings).await?;
        target.finish().await?;
        Ok(raw)
    })
    .await
    .map_err(|error| failed(context, error))
}
