//! Lists of images that are put together here: read from either family, changed, and written as either.

use std::collections::BTreeMap;

use cove_archive::Digest;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::{ManifestFormat, RawManifest, media_type};
use crate::error::{Error, Result};
use crate::platform::Platform;

/// What an entry of a list runs on, in both families' fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListPlatform {
    /// Processor architecture, in Go's name.
    #[serde(deserialize_with = "or_default")]
    pub architecture: String,
    /// Operating system, in Go's name.
    #[serde(deserialize_with = "or_default")]
    pub os: String,
    /// Version of the operating system.
    #[serde(
        rename = "os.version",
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub os_version: String,
    /// What the operating system must have.
    #[serde(rename = "os.features", skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub os_features: Vec<String>,
    /// Variant of the architecture.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub variant: String,
    /// What the processor must have; Docker's family alone.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub features: Vec<String>,
}

impl ListPlatform {
    /// What an image is chosen by.
    pub fn platform(&self) -> Platform {
        Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone(),
        }
    }
}

/// An image or artifact in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListEntry {
    /// Media type of its manifest.
    #[serde(default, deserialize_with = "or_default")]
    pub media_type: String,
    /// Bytes of its manifest.
    pub size: u64,
    /// Digest of its manifest.
    pub digest: Digest,
    /// Where else its manifest is.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub urls: Vec<String>,
    /// What it runs on.
    #[serde(default, skip_serializing_if = "is_nothing", deserialize_with = "or_default")]
    pub platform: ListPlatform,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    pub annotations: BTreeMap<String, String>,
    /// What sort of artifact it is; empty for images.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub artifact_type: String,
    /// Its manifest in base64.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub data: String,
}

impl ListEntry {
    /// Without anything but the three that name it.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            size,
            digest,
            urls: Vec::new(),
            platform: ListPlatform::default(),
            annotations: BTreeMap::new(),
            artifact_type: String::new(),
            data: String::new(),
        }
    }
}

fn is_nothing(platform: &ListPlatform) -> bool {
    *platform == ListPlatform::default()
}

fn or_default<'de, D, T>(deserializer: D) -> std::result::Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A list of images in no particular family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ManifestList {
    /// What sort of artifact the whole is.
    #[serde(deserialize_with = "or_default")]
    pub artifact_type: String,
    /// The entries.
    #[serde(deserialize_with = "or_default")]
    pub manifests: Vec<ListEntry>,
    /// What the list is about.
    pub subject: Option<ListEntry>,
    /// Annotations of the whole.
    #[serde(deserialize_with = "or_default")]
    pub annotations: BTreeMap<String, String>,
}

impl ManifestList {
    /// Reads a list; `None` where the document is another one. `image` names it in messages.
    ///
    /// # Errors
    /// It is malformed or ambiguous.
    pub fn parse(raw: &RawManifest, image: &str) -> Result<Option<Self>> {
        match super::parse(raw, image)? {
            super::Document::Image(_) => Ok(None),
            super::Document::Index(_) => serde_json::from_slice(&raw.bytes)
                .map(Some)
                .map_err(|error| Error::image(image, format!("invalid manifest: {error}"))),
        }
    }

    /// The family that it is written in where nobody says: OCI's, unless it is empty or has what only Docker's has.
    pub fn usual_format(&self) -> ManifestFormat {
        let only_oci = |entry: &ListEntry| {
            !entry.artifact_type.is_empty() || !entry.annotations.is_empty() || !entry.data.is_empty()
        };
        if !self.artifact_type.is_empty()
            || self.subject.is_some()
            || !self.annotations.is_empty()
            || self.manifests.iter().any(only_oci)
        {
            return ManifestFormat::Oci;
        }
        let only_docker = self.manifests.iter().any(|entry| !entry.platform.features.is_empty());
        if only_docker || self.manifests.is_empty() { ManifestFormat::Docker } else { ManifestFormat::Oci }
    }

    /// What of the list Docker's family has no field for; `None` where nothing is lost in it.
    pub fn lost_to_docker(&self) -> Option<&'static str> {
        let has = |is: fn(&ListEntry) -> bool| self.manifests.iter().any(is);
        [
            ("annotations", !self.annotations.is_empty()),
            ("a subject", self.subject.is_some()),
            ("artifacts", has(|entry| !entry.artifact_type.is_empty())),
            ("annotated images", has(|entry| !entry.annotations.is_empty())),
        ]
        .into_iter()
        .find_map(|(what, lost)| lost.then_some(what))
    }

    /// The media type of lists of a family.
    pub fn media_type(format: ManifestFormat) -> &'static str {
        match format {
            ManifestFormat::Docker => media_type::DOCKER_LIST,
            ManifestFormat::Oci => media_type::OCI_INDEX,
        }
    }

    /// As a document of a family. What the family has no field for is left out.
    pub fn to_raw(&self, format: ManifestFormat) -> RawManifest {
        let value = match format {
            ManifestFormat::Docker => self.docker_value(),
            ManifestFormat::Oci => self.oci_value(),
        };
        RawManifest::new(value.to_string(), Self::media_type(format))
    }

    fn docker_value(&self) -> Value {
        let entry = |entry: &ListEntry| {
            json!({
                "mediaType": entry.media_type,
                "size": entry.size,
                "digest": entry.digest,
                "platform": entry.platform,
            })
        };
        let manifests: Vec<Value> = self.manifests.iter().map(entry).collect();
        json!({ "schemaVersion": 2, "mediaType": media_type::DOCKER_LIST, "manifests": manifests })
    }

    fn oci_value(&self) -> Value {
        let entry = |entry: &ListEntry| {
            let mut entry = entry.clone();
            entry.platform.features.clear();
            json!(entry)
        };
        let manifests: Vec<Value> = self.manifests.iter().map(entry).collect();
        let mut value =
            json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": manifests });
        if !self.artifact_type.is_empty() {
            value["artifactType"] = json!(self.artifact_type);
        }
        if let Some(subject) = &self.subject {
            value["subject"] = entry(subject);
        }
        if !self.annotations.is_empty() {
            value["annotations"] = json!(self.annotations);
        }
        value
    }

    /// The entry with that digest.
    pub fn entry_mut(&mut self, digest: &Digest) -> Option<&mut ListEntry> {
        self.manifests.iter_mut().find(|entry| entry.digest == *digest)
    }

    /// Puts an entry in, in place of the one with the same digest.
    pub fn put(&mut self, entry: ListEntry) {
        match self.entry_mut(&entry.digest) {
            Some(known) => *known = entry,
            None => self.manifests.push(entry),
        }
    }

    /// Takes an entry out; whether it was there.
    pub fn remove(&mut self, digest: &Digest) -> bool {
        let before = self.manifests.len();
        self.manifests.retain(|entry| entry.digest != *digest);
        self.manifests.len() < before
    }

    /// The entry for a platform.
    pub fn choose(&self, platform: &Platform) -> Option<&ListEntry> {
        let platforms: Vec<Platform> = self.manifests.iter().map(|entry| entry.platform.platform()).collect();
        platform.choose(platforms.iter().map(Some)).map(|position| &self.manifests[position])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> ListEntry {
        let mut entry =
            ListEntry::new(media_type::OCI_MANIFEST, Digest::sha256(text.as_bytes()), text.len() as u64);
        entry.platform.os = "linux".into();
        entry.platform.architecture = text.into();
        entry
    }

    fn list() -> ManifestList {
        ManifestList { manifests: vec![entry("amd64"), entry("arm64")], ..ManifestList::default() }
    }

    #[test]
    fn both_families_are_written_and_read() {
        for format in [ManifestFormat::Docker, ManifestFormat::Oci] {
            assert_eq!(ManifestList::parse(&list().to_raw(format), "x").unwrap(), Some(list()));
        }
        let raw = RawManifest::new(
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":null,"annotations":null}"#,
            "",
        );
        // `null` in place of a list is no list.
        assert!(ManifestList::parse(&raw, "x").is_err());
    }

    #[test]
    fn the_family_follows_from_the_contents() {
        assert_eq!(ManifestList::default().usual_format(), ManifestFormat::Docker);
        assert_eq!(list().usual_format(), ManifestFormat::Oci);
        let mut docker = list();
        docker.manifests[0].platform.features.push("sse4".into());
        assert_eq!(docker.usual_format(), ManifestFormat::Docker);
        docker.annotations.insert("a".into(), "b".into());
        assert_eq!(docker.usual_format(), ManifestFormat::Oci);
    }

    #[test]
    fn entries_are_replaced_found_and_removed() {
        let mut list = list();
        list.put(entry("arm64"));
        assert_eq!(list.manifests.len(), 2);
        let arm = entry("arm64").digest;
        assert_eq!(list.choose(&Platform::linux("arm64")).map(|entry| &entry.digest), Some(&arm));
        assert!(list.choose(&Platform::linux("s390x")).is_none());
        assert!(list.remove(&arm) && !list.remove(&arm));
    }
}
