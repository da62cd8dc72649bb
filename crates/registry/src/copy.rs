//! The one copy loop: pull, push, save and load are this with different sources and destinations.

use std::sync::Arc;

use bytes::Bytes;
use cove_archive::Digest;
use cove_config::Policy;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt, stream};

use crate::encryption::{self, DecryptionKey, OpenedLayer, is_encrypted};
use crate::error::{Error, Result};
use crate::image::{BlobStream, FinishedImage, ImageDestination, ImageSource, Layer, StoredLayer};
use crate::manifest::{
    self, Descriptor, Document, ImageConfig, ImageManifest, MAX_CONFIG, MAX_MANIFEST, ManifestFormat,
    RawManifest,
};
use crate::platform::Platform;
use crate::reference::Reference;
use crate::stream::{Verified, collect};
use crate::trust::{Signature, SignatureKind, Signing, admit, check_rejected};

/// How many layers are under way at once unless configured otherwise.
pub const DEFAULT_PARALLEL: usize = 6;

/// What happens while an image is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CopyEvent {
    /// The manifest is known, and with it the number of layers.
    ManifestResolved {
        /// Digest of the image's manifest.
        digest: Digest,
        /// Of each layer, lowest first: digest and size in bytes.
        layers: Vec<(Digest, u64)>,
    },
    /// A layer begins to arrive.
    LayerStarted {
        /// As the manifest names it.
        digest: Digest,
        /// In bytes.
        size: u64,
    },
    /// More of a layer has arrived.
    LayerProgress {
        /// As the manifest names it.
        digest: Digest,
        /// Bytes so far.
        bytes: u64,
    },
    /// The destination has the layer already.
    LayerReused {
        /// As the manifest names it.
        digest: Digest,
    },
    /// A layer is verified and stored.
    LayerDone {
        /// As the manifest names it.
        digest: Digest,
    },
    /// The image configuration is verified.
    ConfigDone {
        /// Its digest: the image's id.
        digest: Digest,
    },
    /// Everything is stored.
    ManifestDone {
        /// Digest of the stored manifest.
        digest: Digest,
    },
    /// The images of a list are copied.
    ListResolved {
        /// How many it has.
        images: usize,
        /// How many of them are copied.
        copied: usize,
    },
    /// An image of a list begins.
    InstanceStarted {
        /// Digest of its manifest.
        digest: Digest,
        /// Its number, from 1 on.
        number: usize,
        /// How many are copied.
        count: usize,
    },
    /// The images of a list are stored, and the list is about to be.
    ListStarted,
}

/// Receives [`CopyEvent`]s; called from several tasks, must not block.
pub type CopyProgress = Arc<dyn Fn(CopyEvent) + Send + Sync>;

/// How to copy.
#[derive(Clone)]
pub struct CopyOptions {
    /// Which image of an index.
    pub platform: Platform,
    /// Layers under way at once; 0 counts as 1.
    pub max_parallel: usize,
    /// Names the destination gives the image.
    pub names: Vec<Reference>,
    /// Where events go.
    pub progress: Option<CopyProgress>,
    /// policy.json: which sources may be used.
    pub policy: Policy,
    /// Fail rather than change a manifest, and with it its digest.
    pub preserve_digests: bool,
    /// Bring the source's signatures along, which then must still fit: a manifest that would change is an error.
    pub keep_signatures: bool,
    /// Further signatures to make.
    pub signing: Signing,
    /// With what encrypted layers are opened; without any they are kept as they are, or refused.
    pub decryption_keys: Vec<DecryptionKey>,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self {
            platform: Platform::host(),
            max_parallel: DEFAULT_PARALLEL,
            names: Vec::new(),
            progress: None,
            policy: Policy::accept_anything(),
            preserve_digests: false,
            keep_signatures: false,
            signing: Signing::default(),
            decryption_keys: Vec::new(),
        }
    }
}

impl CopyOptions {
    pub(crate) fn emit(&self, event: CopyEvent) {
        if let Some(progress) = &self.progress {
            progress(event);
        }
    }
}

/// What was copied.
#[derive(Clone, Debug)]
pub struct CopyReport {
    /// Digest of the image configuration; its hexadecimal digits are the image's id.
    pub config_digest: Digest,
    /// Digest of the manifest as stored.
    pub manifest_digest: Digest,
    /// Digest of what the source's name stands for: the index, or the manifest where there is none.
    pub source_digest: Digest,
    /// The manifest as stored.
    pub manifest: RawManifest,
    /// What the configuration says it runs on.
    pub platform: Platform,
}

/// An image whose manifest and configuration are read and verified.
#[derive(Clone, Debug)]
pub struct ResolvedImage {
    /// The image's manifest.
    pub manifest: RawManifest,
    /// The same, parsed.
    pub parsed: ImageManifest,
    /// The index it was chosen from.
    pub index: Option<RawManifest>,
    /// The configuration's bytes.
    pub config: Bytes,
    /// The same, parsed.
    pub parsed_config: ImageConfig,
}

/// Reads and verifies manifest and configuration of the image for `platform`, and no layer.
///
/// # Errors
/// The source cannot be read, or offers what is malformed, too large, of the wrong digest or not supported.
pub async fn resolve(source: &dyn ImageSource, platform: &Platform) -> Result<ResolvedImage> {
    let (manifest, parsed, index) = resolve_manifest(source, platform).await?;
    parsed.check_supported(&source.name())?;
    let (config, parsed_config) = fetch_config(source, &parsed).await?;
    Ok(ResolvedImage { manifest, parsed, index, config, parsed_config })
}

async fn resolve_manifest(
    source: &dyn ImageSource,
    platform: &Platform,
) -> Result<(RawManifest, ImageManifest, Option<RawManifest>)> {
    let image = source.name();
    let top = top_manifest(source).await?;
    let (raw, parsed, index) = match manifest::parse(&top, &image)? {
        Document::Image(parsed) => (top, *parsed, None),
        Document::Index(index) => {
            let entry = index.choose(platform, &image)?.clone();
            if entry.size > MAX_MANIFEST {
                return Err(Error::TooLarge { subject: format!("{image}: manifest"), limit: MAX_MANIFEST });
            }
            let raw = source.manifest(Some(&entry)).await?;
            check_manifest_size(&raw, &image)?;
            check_digest(&raw.bytes, &entry.digest, &format!("{image}: manifest for {platform}"))?;
            match manifest::parse(&raw, &image)? {
                Document::Image(parsed) => (raw, *parsed, Some(top)),
                Document::Index(_) => {
                    return Err(Error::Unsupported {
                        subject: image,
                        what: "an index inside an index".into(),
                    });
                }
            }
        }
    };
    Ok((raw, parsed, index))
}

pub(crate) async fn fetch_config(
    source: &dyn ImageSource,
    parsed: &ImageManifest,
) -> Result<(Bytes, ImageConfig)> {
    let config = fetch_config_bytes(source, parsed).await?;
    let parsed_config = ImageConfig::parse(&config, parsed.layers.len(), &source.name())?;
    Ok((config, parsed_config))
}

async fn fetch_config_bytes(source: &dyn ImageSource, parsed: &ImageManifest) -> Result<Bytes> {
    let image = source.name();
    let descriptor = &parsed.config;
    let subject = format!("{image}: image configuration {}", descriptor.digest);
    if descriptor.size > MAX_CONFIG {
        return Err(Error::TooLarge { subject, limit: MAX_CONFIG });
    }
    let (stream, outcome) = Verified::new(
        source.blob(descriptor).await?,
        subject.clone(),
        descriptor.digest.clone(),
        descriptor.size,
        Box::new(|_| ()),
    );
    collect(Box::pin(stream), &subject, MAX_CONFIG)
        .await
        .map_err(|error| outcome.take_error().unwrap_or(error))
}

/// Copies one image: of a list that for the platform. Dropping the future cancels it; the destination then keeps
/// nothing.
///
/// # Errors
/// As [`resolve`], or a layer does not arrive or verify, or the destination fails.
pub async fn copy_image(
    source: &dyn ImageSource,
    destination: &dyn ImageDestination,
    options: &CopyOptions,
) -> Result<CopyReport> {
    check_rejected(&options.policy, source)?;
    let (raw, parsed, index) = resolve_manifest(source, &options.platform).await?;
    let place = Place { of_entry: index.is_some(), in_list: false };
    copy_resolved(source, destination, options, (raw, parsed, index), place).await
}

/// What an image is at its source and at its destination.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// At the source one of a list.
    pub(crate) of_entry: bool,
    /// At the destination one of a list, which follows.
    pub(crate) in_list: bool,
}

/// Copies an image whose manifest is known, and the list that it was chosen from. The policy is asked about it here.
pub(crate) async fn copy_resolved(
    source: &dyn ImageSource,
    destination: &dyn ImageDestination,
    options: &CopyOptions,
    (raw, parsed, index): (RawManifest, ImageManifest, Option<RawManifest>),
    Place { of_entry, in_list }: Place,
) -> Result<CopyReport> {
    let image = source.name();
    let signed_name = signed_name(destination, &options.signing)?;
    admit(&options.policy, source, &raw, of_entry).await?;
    let mut signatures = match options.keep_signatures {
        true => kept_signatures(source, destination, &raw, of_entry).await?,
        false => Vec::new(),
    };
    if !destination.takes_anything() {
        parsed.check_supported(&image)?;
    }
    let is_image = parsed.is_image();
    let format = wanted_format(&parsed, destination);
    if format != parsed.format {
        check_conversion(&parsed, format, options, &image)?;
    }
    options.emit(CopyEvent::ManifestResolved {
        digest: raw.digest(),
        layers: parsed.layers.iter().map(|layer| (layer.digest.clone(), layer.size)).collect(),
    });
    let config = fetch_config_bytes(source, &parsed).await?;
    let parsed_config = match is_image {
        true => ImageConfig::parse(&config, parsed.layers.len(), &image)?,
        false => ImageConfig::default(),
    };
    options.emit(CopyEvent::ConfigDone { digest: parsed.config.digest.clone() });
    let layers = copy_layers(source, destination, options, &parsed, parsed_config.diff_ids()).await?;

    let source_digest = index.as_ref().map_or_else(|| raw.digest(), RawManifest::digest);
    let (raw, parsed) = if format == parsed.format && layers == parsed.layers {
        (raw, parsed)
    } else if options.preserve_digests {
        return Err(must_not_change(&image));
    } else if !signatures.is_empty() {
        return Err(signatures_must_not_change(image));
    } else {
        let changed = parsed.rewrite(format, layers, &image)?;
        (changed.to_raw(), changed)
    };
    if let Some(name) = signed_name {
        for signer in &options.signing.signers {
            signatures.push(signer.sign(&raw.digest(), &name).await?);
        }
    }
    let report = CopyReport {
        config_digest: parsed.config.digest.clone(),
        manifest_digest: raw.digest(),
        source_digest,
        manifest: raw.clone(),
        platform: Platform {
            os: parsed_config.os.clone(),
            architecture: parsed_config.architecture.clone(),
            variant: parsed_config.variant.clone(),
        },
    };
    let names = options.names.clone();
    destination
        .commit(FinishedImage {
            manifest: raw,
            parsed,
            index,
            config,
            parsed_config,
            names,
            in_list,
            signatures,
        })
        .await?;
    options.emit(CopyEvent::ManifestDone { digest: report.manifest_digest.clone() });
    Ok(report)
}

/// The name to sign under; `None` where nothing is signed. Refuses what the destination cannot keep.
pub(crate) fn signed_name(
    destination: &dyn ImageDestination,
    signing: &Signing,
) -> Result<Option<Reference>> {
    if signing.signers.is_empty() {
        return Ok(None);
    }
    for signer in &signing.signers {
        destination.check_signatures(signer.kind())?;
    }
    match signing.identity.clone().or_else(|| destination.signed_name()) {
        Some(name) => Ok(Some(name)),
        None => Err(Error::Signing {
            image: "the image".into(),
            reason: "the destination gives it no name that could be signed: name one (--sign-identity)"
                .into(),
        }),
    }
}

/// The source's signatures, which the destination must be able to keep.
pub(crate) async fn kept_signatures(
    source: &dyn ImageSource,
    destination: &dyn ImageDestination,
    manifest: &RawManifest,
    of_entry: bool,
) -> Result<Vec<Signature>> {
    let signatures = source.signatures(&manifest.digest(), of_entry).await?;
    for kind in [SignatureKind::Simple, SignatureKind::Sigstore] {
        if signatures.iter().any(|signature| signature.kind() == kind) {
            destination.check_signatures(kind)?;
        }
    }
    Ok(signatures)
}

pub(crate) fn signatures_must_not_change(image: String) -> Error {
    Error::Signing {
        image,
        reason: "its signatures would not fit what becomes of its manifest there: leave them behind \
                 (--remove-signatures)"
            .into(),
    }
}

/// The family that the destination takes: the image's own where it may stay.
fn wanted_format(parsed: &ImageManifest, destination: &dyn ImageDestination) -> ManifestFormat {
    let formats = destination.formats();
    match formats.first() {
        Some(first) if !formats.contains(&parsed.format) => *first,
        _ => parsed.format,
    }
}

fn check_conversion(
    parsed: &ImageManifest,
    format: ManifestFormat,
    options: &CopyOptions,
    image: &str,
) -> Result<()> {
    if options.preserve_digests {
        return Err(must_not_change(image));
    }
    if !parsed.is_image() {
        let family = match format {
            ManifestFormat::Oci => "an OCI one",
            ManifestFormat::Docker => "one of Docker's",
        };
        return Err(Error::Unsupported {
            subject: image.into(),
            what: format!("turning the manifest of an artifact into {family}"),
        });
    }
    Ok(())
}

pub(crate) fn must_not_change(image: &str) -> Error {
    Error::image(
        image,
        "the manifest must be changed for this destination, but we cannot modify it: \"Instructed to preserve digests\"",
    )
}

/// Copies the layers, several at once; answers how the destination names them, in their order.
async fn copy_layers(
    source: &dyn ImageSource,
    destination: &dyn ImageDestination,
    options: &CopyOptions,
    parsed: &ImageManifest,
    diff_ids: &[Digest],
) -> Result<Vec<Descriptor>> {
    let opened = opened_layers(parsed, destination, options, &source.name())?;
    // Boxed, so that the whole future is `Send` for any lifetime and can be spawned.
    let mut jobs: Vec<BoxFuture<'_, Result<(usize, StoredLayer)>>> = Vec::new();
    for (index, outer) in parsed.layers.iter().enumerate() {
        let opened = opened.get(index).and_then(Option::as_ref);
        let descriptor = opened.map_or(outer, |opened| &opened.plain);
        let layer = Layer { index, descriptor, diff_id: diff_ids.get(index), diff_ids };
        let coming = Coming { source, outer, opened };
        let job = copy_layer(coming, destination, layer, options.progress.as_ref());
        jobs.push(job.map_ok(move |stored| (index, stored)).boxed());
    }
    let mut stored: Vec<(usize, StoredLayer)> =
        stream::iter(jobs).buffer_unordered(options.max_parallel.max(1)).try_collect().await?;
    stored.sort_by_key(|(index, _)| *index);
    Ok(stored.into_iter().map(|(_, layer)| layer.descriptor).collect())
}

/// The layers that are encrypted, with their keys, where they are to be opened.
fn opened_layers(
    parsed: &ImageManifest,
    destination: &dyn ImageDestination,
    options: &CopyOptions,
    image: &str,
) -> Result<Vec<Option<OpenedLayer>>> {
    if options.decryption_keys.is_empty() && destination.takes_encrypted() {
        return Ok(Vec::new());
    }
    let open = |layer: &Descriptor| {
        is_encrypted(layer).then(|| encryption::open(layer, &options.decryption_keys, image)).transpose()
    };
    parsed.layers.iter().map(open).collect()
}

/// A layer as its source has it, and what opens it where it is encrypted.
#[derive(Clone, Copy)]
struct Coming<'a> {
    source: &'a dyn ImageSource,
    outer: &'a Descriptor,
    opened: Option<&'a OpenedLayer>,
}

impl Coming<'_> {
    /// The layer's bytes, opened where they were encrypted. What the source sends is verified.
    async fn blob(&self) -> Result<BlobStream> {
        let data = self.source.blob(self.outer).await?;
        let Some(opened) = self.opened else { return Ok(data) };
        let subject = format!("{}: layer {}", self.source.name(), self.outer.digest);
        let nothing = Box::new(|_| ());
        let (data, _) = Verified::new(data, subject, self.outer.digest.clone(), self.outer.size, nothing);
        Ok(encryption::decrypted(Box::pin(data), opened))
    }
}

async fn copy_layer(
    coming: Coming<'_>,
    destination: &dyn ImageDestination,
    layer: Layer<'_>,
    progress: Option<&CopyProgress>,
) -> Result<StoredLayer> {
    let emit = |event: CopyEvent| {
        if let Some(progress) = progress {
            progress(event);
        }
    };
    let digest = &layer.descriptor.digest;
    if !layer.descriptor.urls.is_empty() && destination.takes_foreign_layers() {
        emit(CopyEvent::LayerReused { digest: digest.clone() });
        return Ok(StoredLayer { descriptor: layer.descriptor.clone() });
    }
    if let Some(stored) = destination.try_reuse(&layer).await? {
        emit(CopyEvent::LayerReused { digest: digest.clone() });
        return Ok(stored);
    }
    emit(CopyEvent::LayerStarted { digest: digest.clone(), size: layer.descriptor.size });
    let subject = format!("{}: layer {digest}", coming.source.name());
    let stored = loop {
        let on_bytes = progress_counter(progress.cloned(), digest.clone());
        let (stream, outcome) = Verified::new(
            coming.blob().await?,
            subject.clone(),
            digest.clone(),
            layer.descriptor.size,
            on_bytes,
        );
        match destination.put_layer(&layer, Box::pin(stream)).await {
            Ok(_) if !outcome.is_verified() => {
                return Err(outcome.take_error().unwrap_or_else(|| {
                    Error::image(subject, "the destination did not read the layer to its end")
                }));
            }
            Ok(stored) => break stored,
            // The destination only sees a failed read; the stream knows why.
            Err(error) => match outcome.take_error() {
                Some(own) => return Err(own),
                None if destination.tries_again(&layer) => {
                    tracing::debug!(%digest, %error, "sending the layer again");
                }
                None => return Err(error),
            },
        }
    };
    emit(CopyEvent::LayerDone { digest: digest.clone() });
    Ok(stored)
}

/// Reports at most every 64 KiB, because a display cannot use more.
fn progress_counter(progress: Option<CopyProgress>, digest: Digest) -> Box<dyn FnMut(u64) + Send> {
    const STEP: u64 = 64 << 10;
    let (mut bytes, mut reported) = (0, 0);
    Box::new(move |count| {
        bytes += count;
        if let Some(progress) = &progress
            && bytes - reported >= STEP
        {
            reported = bytes;
            progress(CopyEvent::LayerProgress { digest: digest.clone(), bytes });
        }
    })
}

/// The manifest or list of a source, bounded and of the digest that was asked for.
///
/// # Errors
/// The source cannot be read, or offers what is too large or of the wrong digest.
pub async fn top_manifest(source: &dyn ImageSource) -> Result<RawManifest> {
    let image = source.name();
    let top = source.manifest(None).await?;
    check_manifest_size(&top, &image)?;
    if let Some(expected) = source.expected_digest() {
        check_digest(&top.bytes, &expected, &format!("{image}: manifest"))?;
    }
    Ok(top)
}

pub(crate) fn check_manifest_size(raw: &RawManifest, image: &str) -> Result<()> {
    if raw.bytes.len() as u64 > MAX_MANIFEST {
        return Err(Error::TooLarge { subject: format!("{image}: manifest"), limit: MAX_MANIFEST });
    }
    Ok(())
}

pub(crate) fn check_digest(data: &[u8], expected: &Digest, subject: &str) -> Result<()> {
    let actual = Digest::of(expected.algorithm(), data);
    if actual != *expected {
        return Err(Error::DigestMismatch { subject: subject.into(), expected: expected.clone(), actual });
    }
    Ok(())
}
