//! What is read of an image before any layer: its manifest and its configuration, bounded and verified.

use bytes::Bytes;
use cove_archive::Digest;

use crate::error::{Error, Result};
use crate::image::ImageSource;
use crate::manifest::{self, Document, ImageConfig, ImageManifest, MAX_CONFIG, MAX_MANIFEST, RawManifest};
use crate::platform::Platform;
use crate::stream::{Verified, collect};

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

/// The manifest of the image for `platform`, and the index that it was chosen from.
pub(crate) async fn resolve_manifest(
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

/// The configuration, bounded and verified, and the same parsed.
pub(crate) async fn fetch_config(
    source: &dyn ImageSource,
    parsed: &ImageManifest,
) -> Result<(Bytes, ImageConfig)> {
    let config = fetch_config_bytes(source, parsed).await?;
    let parsed_config = ImageConfig::parse(&config, parsed.layers.len(), &source.name())?;
    Ok((config, parsed_config))
}

/// The configuration as it is: an artifact's is nothing to parse.
pub(crate) async fn fetch_config_bytes(source: &dyn ImageSource, parsed: &ImageManifest) -> Result<Bytes> {
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
