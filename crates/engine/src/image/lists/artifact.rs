//! Files as an artifact in a list. As with podman the files stay where they are until the list is pushed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cove_api::{Error, ManifestModifyOptions, RegistryAccess, Result};
use cove_registry::manifest::{ListEntry, media_type};
use cove_registry::{Descriptor, Digest, ImageSource as _, artifact_type};
use serde_json::{Value, json};

use super::place::{self, Found};
use super::stored::StoredList;
use super::{add, stored};
use crate::engine::{Core, blocking};
use crate::file_type;

/// What an artifact without a type is.
const UNKNOWN: &str = "application/vnd.unknown.artifact.v1";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const TITLE: &str = "org.opencontainers.image.title";

/// An artifact that is ready to be entered.
pub(super) struct Made {
    manifest: String,
    sort: String,
    config: (Digest, Vec<u8>),
    files: Vec<(Digest, String)>,
}

/// Reads the files and makes the manifest.
pub(super) async fn make(core: &Arc<Core>, change: &ManifestModifyOptions) -> Result<Made> {
    let about = match change.artifact_subject.as_str() {
        "" => None,
        name => Some(subject(core, name, &change.access).await?),
    };
    let change = change.clone();
    blocking(core, move |_| make_blocking(&change, about)).await
}

fn make_blocking(change: &ManifestModifyOptions, about: Option<ListEntry>) -> Result<Made> {
    let mut layers = Vec::new();
    let mut files = Vec::new();
    for file in &change.files {
        let path = cove_sys::fs::canonicalize(file)?;
        let layer = layer(&path, change)?;
        files.push((layer.digest.clone(), path.display().to_string()));
        layers.push(layer);
    }
    let (config_type, config) = match (change.artifact_config_type.as_str(), change.artifact_config.as_str())
    {
        ("", "") => (EMPTY, b"{}".to_vec()),
        ("", config) => (media_type::OCI_CONFIG, config.as_bytes().to_vec()),
        (kind, "") => (kind, b"{}".to_vec()),
        (kind, config) => (kind, config.as_bytes().to_vec()),
    };
    let sort = change.artifact_type.clone().unwrap_or_else(|| UNKNOWN.to_owned());
    let mut described: Value = json!(Descriptor::of(config_type, &config));
    described["data"] = json!(STANDARD.encode(&config));
    let mut manifest = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST });
    if !sort.is_empty() {
        manifest["artifactType"] = json!(sort);
    }
    manifest["config"] = described;
    manifest["layers"] = json!(layers);
    if let Some(about) = about {
        manifest["subject"] = json!(about);
    }
    if !change.artifact_annotations.is_empty() {
        manifest["annotations"] = json!(change.artifact_annotations);
    }
    Ok(Made { manifest: manifest.to_string(), sort, config: (Digest::sha256(&config), config), files })
}

fn layer(path: &Path, change: &ManifestModifyOptions) -> Result<Descriptor> {
    let looked_at = file_type::look(path)?;
    let kind = match change.artifact_layer_type.as_str() {
        "" => looked_at.media_type,
        given => given.to_owned(),
    };
    let mut layer = Descriptor::new(&kind, looked_at.digest, looked_at.size);
    if !change.artifact_exclude_titles {
        let title = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        layer.annotations.insert(TITLE.into(), title);
    }
    Ok(layer)
}

/// Enters it and answers its digest.
pub(super) fn add(list: &mut StoredList, made: Made) -> Digest {
    let digest = Digest::sha256(made.manifest.as_bytes());
    let key = digest.to_string();
    let mut entry = ListEntry::new(media_type::OCI_MANIFEST, digest.clone(), made.manifest.len() as u64);
    entry.artifact_type = made.sort;
    list.list.put(entry);
    let known = &mut list.artifacts;
    known.configs.insert(key.clone(), made.config.0.to_string());
    known.blobs.insert(made.config.0.to_string(), STANDARD.encode(&made.config.1));
    known.layers.insert(key.clone(), made.files.iter().map(|(digest, _)| digest.to_string()).collect());
    known.files.insert(key.clone(), made.files.iter().map(|(_, path)| path.clone()).collect());
    for (digest, path) in made.files {
        known.detached.insert(digest.to_string(), path);
    }
    known.manifests.insert(key, made.manifest);
    digest
}

/// The entry for the image or list that something is about.
pub(super) async fn subject(core: &Arc<Core>, name: &str, access: &RegistryAccess) -> Result<ListEntry> {
    let named = |raw: &cove_registry::RawManifest, kind: &str| {
        let mut entry = ListEntry::new(kind, Digest::sha256(&raw.bytes), raw.bytes.len() as u64);
        entry.artifact_type = artifact_type(raw);
        entry
    };
    let raw = match place::find(core, name, access).await? {
        Found::Stored(image) => {
            return blocking(core, move |core| {
                if let Some(list) = stored::of_image(core, &image)? {
                    let raw = list.list.to_raw(list.list.usual_format());
                    return Ok(named(&raw, &raw.media_type));
                }
                let (_, raw) = add::own_entry(core, &image)?;
                Ok(named(&raw, &raw.media_type))
            })
            .await;
        }
        Found::Registry(source) => source.manifest(None).await?,
        Found::Archive(source, _) => source.manifest(None).await?,
    };
    Ok(named(&raw, &raw.media_type))
}

/// The parts of an artifact of a list, for whoever sends it.
pub(super) struct Parts {
    pub(super) manifest: String,
    pub(super) inline: Vec<Vec<u8>>,
    pub(super) files: Vec<(Digest, PathBuf)>,
}

/// The artifact with this digest; `None` where the entry is an image.
pub(super) fn parts(list: &StoredList, digest: &Digest) -> Result<Option<Parts>> {
    let key = digest.to_string();
    let known = &list.artifacts;
    let Some(manifest) = known.manifests.get(&key) else { return Ok(None) };
    let mut parts = Parts { manifest: manifest.clone(), inline: Vec::new(), files: Vec::new() };
    let layers = known.layers.get(&key).into_iter().flatten();
    for blob in known.configs.get(&key).into_iter().chain(layers) {
        let damaged =
            || Error::internal(format!("list {}: the blob {blob} of an artifact is not known", list.id));
        if let Some(file) = known.detached.get(blob) {
            parts.files.push((blob.parse().map_err(|_| damaged())?, file.into()));
        } else if let Some(text) = known.blobs.get(blob) {
            parts.inline.push(STANDARD.decode(text).map_err(|_| damaged())?);
        } else {
            return Err(damaged());
        }
    }
    Ok(Some(parts))
}
