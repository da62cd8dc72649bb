//! The one copy loop: pull, push, save and load are this with different sources and destinations.

use std::sync::Arc;

use bytes::Bytes;
use cove_archive::Digest;
use cove_config::Policy;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt, stream};

use crate::error::{Error, Result};
use crate::image::{FinishedImage, ImageDestination, ImageSource, Layer, StoredLayer};
use crate::manifest::{
    self, Descriptor, Document, ImageConfig, ImageManifest, MAX_CONFIG, MAX_MANIFEST, RawManifest,
};
use crate::platform::Platform;
use crate::reference::Reference;
use crate::stream::{Verified, collect};

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
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self {
            platform: Platform::host(),
            max_parallel: DEFAULT_PARALLEL,
            names: Vec::new(),
            progress: None,
            policy: Policy::accept_anything(),
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
    let (config, parsed_config) = fetch_config(source, &parsed).await?;
    Ok(ResolvedImage { manifest, parsed, index, config, parsed_config })
}

async fn resolve_manifest(
    source: &dyn ImageSource,
    platform: &Platform,
) -> Result<(RawManifest, ImageManifest, Option<RawManifest>)> {
    let image = source.name();
    let top = source.manifest(None).await?;
    check_manifest_size(&top, &image)?;
    if let Some(expected) = source.expected_digest() {
        check_digest(&top.bytes, &expected, &format!("{image}: manifest"))?;
    }
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
    parsed.check_supported(&image)?;
    Ok((raw, parsed, index))
}

pub(crate) async fn fetch_config(
    source: &dyn ImageSource,
    parsed: &ImageManifest,
) -> Result<(Bytes, ImageConfig)> {
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
    let config = match collect(Box::pin(stream), &subject, MAX_CONFIG).await {
        Ok(config) => config,
        Err(error) => return Err(outcome.take_error().unwrap_or(error)),
    };
    let parsed_config = ImageConfig::parse(&config, parsed.layers.len(), &image)?;
    Ok((config, parsed_config))
}

/// Copies one image. Dropping the future cancels it; the destination then keeps nothing.
///
/// # Errors
/// As [`resolve`], or a layer does not arrive or verify, or the destination fails.
pub async fn copy_image(
    source: &dyn ImageSource,
    destination: &dyn ImageDestination,
    options: &CopyOptions,
) -> Result<CopyReport> {
    let image = source.name();
    let (transport, scope) = source.policy_scope();
    options.policy.evaluate(transport, &scope).map_err(|source| Error::Policy { source })?;
    let emit = |event: CopyEvent| {
        if let Some(progress) = &options.progress {
            progress(event);
        }
    };
    let (raw, parsed, index) = resolve_manifest(source, &options.platform).await?;
    emit(CopyEvent::ManifestResolved {
        digest: raw.digest(),
        layers: parsed.layers.iter().map(|layer| (layer.digest.clone(), layer.size)).collect(),
    });
    let (config, parsed_config) = fetch_config(source, &parsed).await?;
    emit(CopyEvent::ConfigDone { digest: parsed.config.digest.clone() });

    let diff_ids = parsed_config.diff_ids();
    // Boxed, so that the whole future is `Send` for any lifetime and can be spawned.
    let mut jobs: Vec<BoxFuture<'_, Result<(usize, StoredLayer)>>> = Vec::new();
    for (index, (descriptor, diff_id)) in parsed.layers.iter().zip(diff_ids).enumerate() {
        let layer = Layer { index, descriptor, diff_id, diff_ids };
        let job = copy_layer(source, destination, layer, options.progress.as_ref());
        jobs.push(job.map_ok(move |stored| (index, stored)).boxed());
    }
    let mut stored: Vec<(usize, StoredLayer)> =
        stream::iter(jobs).buffer_unordered(options.max_parallel.max(1)).try_collect().await?;
    stored.sort_by_key(|(index, _)| *index);
    let layers: Vec<Descriptor> = stored.into_iter().map(|(_, layer)| layer.descriptor).collect();

    let source_digest = index.as_ref().map_or_else(|| raw.digest(), RawManifest::digest);
    let (raw, parsed) = adapt(raw, parsed, layers, destination, &image)?;
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
    destination
        .commit(FinishedImage {
            manifest: raw,
            parsed,
            index,
            config,
            parsed_config,
            names: options.names.clone(),
        })
        .await?;
    emit(CopyEvent::ManifestDone { digest: report.manifest_digest.clone() });
    Ok(report)
}

/// The manifest as the destination needs it; unchanged to the byte where that is possible.
fn adapt(
    raw: RawManifest,
    parsed: ImageManifest,
    layers: Vec<Descriptor>,
    destination: &dyn ImageDestination,
    image: &str,
) -> Result<(RawManifest, ImageManifest)> {
    let formats = destination.formats();
    let format = match formats.first() {
        Some(first) if !formats.contains(&parsed.format) => *first,
        _ => parsed.format,
    };
    if format == parsed.format && layers == parsed.layers {
        return Ok((raw, parsed));
    }
    let changed = parsed.rewrite(format, layers, image)?;
    Ok((changed.to_raw(), changed))
}

async fn copy_layer(
    source: &dyn ImageSource,
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
    if let Some(stored) = destination.try_reuse(&layer).await? {
        emit(CopyEvent::LayerReused { digest: digest.clone() });
        return Ok(stored);
    }
    emit(CopyEvent::LayerStarted { digest: digest.clone(), size: layer.descriptor.size });
    let subject = format!("{}: layer {digest}", source.name());
    let on_bytes = progress_counter(progress.cloned(), digest.clone());
    let (stream, outcome) = Verified::new(
        source.blob(layer.descriptor).await?,
        subject.clone(),
        digest.clone(),
        layer.descriptor.size,
        on_bytes,
    );
    let stored = match destination.put_layer(&layer, Box::pin(stream)).await {
        Ok(stored) => stored,
        // The destination only sees a failed read; the stream knows why.
        Err(error) => return Err(outcome.take_error().unwrap_or(error)),
    };
    if !outcome.is_verified() {
        return Err(outcome
            .take_error()
            .unwrap_or_else(|| Error::image(subject, "the destination did not read the layer to its end")));
    }
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
