//! The one copy loop: pull, push, save and load are this with different sources and destinations.

mod event;
mod layers;
mod list;
mod signatures;

use cove_archive::Digest;
use cove_config::Policy;

pub use self::event::{CopyEvent, CopyProgress};
use self::layers::copy_layers;
pub use self::list::{Instance, copy_images};
use self::signatures::{kept_signatures, signatures_must_not_change, signed_name};
use crate::encryption::DecryptionKey;
use crate::error::{Error, Result};
use crate::image::{FinishedImage, ImageDestination, ImageSource};
use crate::manifest::{ImageConfig, ImageManifest, ManifestFormat, RawManifest};
use crate::platform::Platform;
use crate::reference::Reference;
use crate::resolve::{fetch_config_bytes, resolve_manifest};
use crate::trust::{Signing, admit, check_rejected};

/// How many layers are under way at once unless configured otherwise.
pub const DEFAULT_PARALLEL: usize = 6;

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
    fn emit(&self, event: CopyEvent) {
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

/// Copies one image: of a list that for the platform. Dropping the future cancels it; the destination then keeps
/// nothing.
///
/// # Errors
/// As [`resolve()`](crate::resolve()), or a layer does not arrive or verify, or the destination fails.
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
struct Place {
    /// At the source one of a list.
    of_entry: bool,
    /// At the destination one of a list, which follows.
    in_list: bool,
}

/// Copies an image whose manifest is known, and the list that it was chosen from. The policy is asked about it here.
async fn copy_resolved(
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

fn must_not_change(image: &str) -> Error {
    Error::image(
        image,
        "the manifest must be changed for this destination, but we cannot modify it: \"Instructed to preserve digests\"",
    )
}
