//! OCI image layouts, in a directory or in a tar archive.

use cove_archive::Digest;
use serde::{Deserialize, Serialize};

use super::content::Content;
use crate::error::{Error, Result};
use crate::manifest::{Descriptor, MAX_MANIFEST, RawManifest};
use crate::reference::{Reference, names_registry};

pub(super) const INDEX: &str = "index.json";
pub(super) const LAYOUT: &str = "oci-layout";
pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";
const CONTAINERD_NAME: &str = "io.containerd.image.name";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layout {
    image_layout_version: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    #[serde(default)]
    pub(super) schema_version: u64,
    #[serde(default)]
    pub(super) manifests: Vec<Descriptor>,
}

/// The images of a layout, or `None` where this is none.
pub(super) fn entries(content: &Content) -> Result<Option<Vec<Descriptor>>> {
    let wrong = |reason: String| Error::archive(&content.path, reason);
    let Some(layout) = content.read(LAYOUT, MAX_MANIFEST)? else { return Ok(None) };
    let layout: Layout =
        serde_json::from_slice(&layout).map_err(|error| wrong(format!("malformed {LAYOUT}: {error}")))?;
    if !layout.image_layout_version.starts_with("1.") {
        return Err(wrong(format!(
            "an OCI layout of the unknown version {:?}",
            layout.image_layout_version.chars().take(40).collect::<String>()
        )));
    }
    let index = content.read(INDEX, MAX_MANIFEST)?.ok_or_else(|| wrong(format!("{INDEX} is missing")))?;
    let index: Index =
        serde_json::from_slice(&index).map_err(|error| wrong(format!("malformed {INDEX}: {error}")))?;
    if index.schema_version != 2 {
        return Err(wrong(format!("{INDEX} has not the schemaVersion 2")));
    }
    Ok(Some(index.manifests))
}

/// The name that an entry's annotations give, as written there.
pub(super) fn written_name(entry: &Descriptor) -> Option<&str> {
    [CONTAINERD_NAME, REF_NAME]
        .iter()
        .find_map(|key| entry.annotations.get(*key))
        .map(String::as_str)
        .filter(|name| !name.is_empty())
}

/// The same as a reference; a short one belongs to `localhost`. What cannot be a reference is no name.
pub(super) fn name(entry: &Descriptor) -> Option<Reference> {
    let text = written_name(entry)?;
    let parsed = if names_registry(text) {
        Reference::parse(text)
    } else {
        Reference::parse(&format!("localhost/{text}"))
    };
    parsed.ok().map(Reference::or_latest)
}

/// Where a blob lies.
pub(super) fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().name(), digest.hex())
}

/// The manifest or index of an entry.
pub(super) fn manifest(content: &Content, entry: &Descriptor) -> Result<RawManifest> {
    let path = blob_path(&entry.digest);
    let data = content
        .read(&path, MAX_MANIFEST)?
        .ok_or_else(|| Error::archive(&content.path, format!("{path} is missing")))?;
    Ok(RawManifest::new(data, &entry.media_type))
}
