//! What an image adds to a list of images: an entry for itself, or of a list its entries.

use cove_archive::Digest;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::image::ImageSource;
use crate::manifest::{self, Descriptor, Document, ListEntry, ManifestList, RawManifest, media_type};
use crate::platform::Platform;
use crate::resolve::{check_digest, check_manifest_size, fetch_config, top_manifest};

/// The part of a manifest that says what sort of artifact it is.
#[derive(Deserialize)]
struct Sort {
    #[serde(default, rename = "artifactType")]
    artifact_type: Option<String>,
}

/// What sort of artifact a manifest says it is; empty for images.
pub fn artifact_type(raw: &RawManifest) -> String {
    serde_json::from_slice::<Sort>(&raw.bytes).ok().and_then(|sort| sort.artifact_type).unwrap_or_default()
}

/// The entries that an image brings to a list: one for an image; of a list the one for `platform`, or `all`.
///
/// # Errors
/// The source cannot be read, or offers what is malformed, too large or of the wrong digest; a list has nothing for
/// the platform.
pub async fn list_entries(
    source: &dyn ImageSource,
    platform: &Platform,
    all: bool,
) -> Result<Vec<ListEntry>> {
    let image = source.name();
    let top = top_manifest(source).await?;
    let Some(list) = ManifestList::parse(&top, &image)? else {
        return Ok(vec![own_entry(source, &top).await?]);
    };
    let chosen = if all {
        list.manifests
    } else {
        let entry = list.choose(platform).cloned().ok_or_else(|| Error::NoPlatform {
            image: image.clone(),
            architecture: platform.architecture.clone(),
            variant: platform.variant.clone(),
            os: platform.os.clone(),
            available: platforms(&list),
        })?;
        vec![entry]
    };
    let mut entries = Vec::new();
    for mut entry in chosen {
        // An entry that does not say what it runs on is looked at.
        if entry.platform.os.is_empty() || entry.platform.architecture.is_empty() {
            let wanted = Descriptor::new(&entry.media_type, entry.digest.clone(), entry.size);
            let raw = source.manifest(Some(&wanted)).await?;
            check_manifest_size(&raw, &image)?;
            check_digest(&raw.bytes, &entry.digest, &format!("{image}: manifest {}", entry.digest))?;
            let own = own_entry(source, &raw).await?;
            entry.platform = own.platform;
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn platforms(list: &ManifestList) -> String {
    let known: Vec<String> =
        list.manifests.iter().map(|entry| entry.platform.platform().to_string()).take(40).collect();
    if known.is_empty() { "no platforms".into() } else { known.join(", ") }
}

/// The entry for one image or artifact.
async fn own_entry(source: &dyn ImageSource, raw: &RawManifest) -> Result<ListEntry> {
    let image = source.name();
    let Document::Image(parsed) = manifest::parse(raw, &image)? else {
        return Err(Error::Unsupported { subject: image, what: "an index inside an index".into() });
    };
    let mut entry = ListEntry::new(parsed.media_type(), Digest::sha256(&raw.bytes), raw.bytes.len() as u64);
    entry.artifact_type = artifact_type(raw);
    let is_image =
        matches!(parsed.config.media_type.as_str(), media_type::DOCKER_CONFIG | media_type::OCI_CONFIG);
    if is_image && entry.artifact_type.is_empty() {
        let (_, config) = fetch_config(source, &parsed).await?;
        entry.platform.os = config.os;
        entry.platform.architecture = config.architecture;
        entry.platform.variant = config.variant;
    }
    Ok(entry)
}
