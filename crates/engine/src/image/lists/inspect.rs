//! What a list says, in the store or in a registry.

use std::sync::Arc;

use cove_api::{Error, ErrorKind, RegistryAccess, Result};
use cove_registry::manifest::{ListEntry, ManifestList};
use cove_registry::{ImageSource as _, RawManifest, Reference};
use serde_json::{Value, json};

use super::place;
use super::stored::{self, StoredList};
use crate::engine::{Core, blocking};
use crate::image::lookup;

/// The contents of a list. A name that is no list of the store is asked for in its registry; one image is shown as its
/// manifest.
pub(super) async fn inspect(core: &Arc<Core>, name: &str, access: RegistryAccess) -> Result<Value> {
    let here = {
        let name = name.to_owned();
        blocking(core, move |core| match lookup::find(core, &name) {
            Ok(found) => stored::of_image(core, &found.image),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await?
    };
    match here {
        Some(list) => Ok(of_stored(&list)),
        None => of_registry(core, name, &access).await,
    }
}

async fn of_registry(core: &Arc<Core>, name: &str, access: &RegistryAccess) -> Result<Value> {
    let client = place::client(core, access).await?;
    let references = match name.strip_prefix("docker://") {
        Some(rest) => vec![Reference::parse(rest)?.or_latest()],
        None => client.candidates(name, false)?.references,
    };
    let mut failures: Vec<Error> = Vec::new();
    for reference in references {
        match client.open(&reference).await {
            Ok(source) => {
                let raw = source.manifest(None).await?;
                return shown(&raw, &reference.to_string());
            }
            Err(error) => {
                failures.push(
                    Error::from(error)
                        .context(format!("reading image {:?}", format!("docker://{reference}"))),
                );
            }
        }
    }
    match failures.len() {
        0 => Err(lookup::not_known(name)),
        1 => Err(failures.remove(0)),
        count => {
            Err(Error::new(failures[0].kind, format!("{count} errors occurred while asking registries:"))
                .with_lines(failures.iter().map(|error| format!("* {error}"))))
        }
    }
}

fn shown(raw: &RawManifest, name: &str) -> Result<Value> {
    let document: Value = serde_json::from_slice(&raw.bytes)
        .map_err(|error| Error::internal(format!("{name}: malformed manifest: {error}")))?;
    match ManifestList::parse(raw, name)? {
        None => {
            tracing::warn!("{name} is not a manifest list but a single image");
            Ok(document)
        }
        Some(list) => {
            let kind = document["mediaType"].as_str().unwrap_or(&raw.media_type).to_owned();
            Ok(value(&list, &kind, |_| Vec::new()))
        }
    }
}

fn of_stored(stored: &StoredList) -> Value {
    let format = stored.list.usual_format();
    let kind = stored.list.to_raw(format).media_type;
    value(&stored.list, &kind, |entry| {
        stored.artifacts.files.get(&entry.digest.to_string()).cloned().unwrap_or_default()
    })
}

/// In podman's order, with what either family has.
fn value(list: &ManifestList, media_type: &str, files: impl Fn(&ListEntry) -> Vec<String>) -> Value {
    let mut value = json!({ "schemaVersion": 2, "mediaType": media_type });
    if !list.artifact_type.is_empty() {
        value["artifactType"] = json!(list.artifact_type);
    }
    let entries = list.manifests.iter().map(|entry| {
        let mut shown = entry_value(entry);
        let files = files(entry);
        if !files.is_empty() {
            shown["files"] = json!(files);
        }
        shown
    });
    value["manifests"] = Value::Array(entries.collect());
    if let Some(subject) = &list.subject {
        value["subject"] = entry_value(subject);
    }
    if !list.annotations.is_empty() {
        value["annotations"] = json!(list.annotations);
    }
    value
}

fn entry_value(entry: &ListEntry) -> Value {
    let mut value = json!(entry);
    if value.get("platform").is_none() {
        value["platform"] = json!(entry.platform);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_registry::{Digest, Document, ManifestFormat};

    #[test]
    fn shows_what_either_family_has() {
        let mut entry = ListEntry::new("application/vnd.oci.image.manifest.v1+json", Digest::sha256(b""), 7);
        entry.annotations.insert("a".into(), "b".into());
        let list = ManifestList { manifests: vec![entry], ..ManifestList::default() };
        let raw = list.to_raw(ManifestFormat::Oci);
        let shown = shown(&raw, "x").unwrap();
        assert_eq!(shown["mediaType"], "application/vnd.oci.image.index.v1+json");
        assert_eq!(shown["manifests"][0]["platform"], json!({"architecture": "", "os": ""}));
        assert_eq!(shown["manifests"][0]["annotations"], json!({"a": "b"}));
        assert!(matches!(
            cove_registry::manifest::parse(&raw, "x").unwrap(),
            Document::Index(index) if index.manifests.len() == 1
        ));
    }
}
