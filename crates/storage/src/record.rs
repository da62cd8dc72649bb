//! The rows of the store's JSON files, field for field as containers/storage writes them.
//!
//! Fields this version does not know are kept, so that rewriting a file loses nothing a newer podman put there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The flag of a layer that is being made or deleted; whoever finds one under the lock may remove it.
pub(crate) const INCOMPLETE: &str = "incomplete";

/// One range of an id mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMap {
    /// First id inside the container.
    pub container_id: u32,
    /// First id outside.
    pub host_id: u32,
    /// How many.
    pub size: u32,
}

/// A layer: what one archive or one container changes relative to its parent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Layer {
    /// Its id, a full id.
    pub id: String,
    /// Names; rarely used for layers.
    #[serde(default, skip_serializing_if = "is_empty", deserialize_with = "null_default")]
    pub names: Vec<String>,
    /// The id of the layer below; empty for a base layer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub parent: String,
    /// Free text of the creator.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    /// SELinux label for mounting.
    #[serde(default, rename = "mountlabel", skip_serializing_if = "String::is_empty")]
    pub mount_label: String,
    /// When it was made.
    #[serde(default = "epoch")]
    pub created: Timestamp,
    /// Digest of the archive as it came (usually compressed).
    #[serde(default, rename = "compressed-diff-digest", skip_serializing_if = "String::is_empty")]
    pub compressed_digest: String,
    /// Bytes of the archive as it came.
    #[serde(default, rename = "compressed-size", skip_serializing_if = "is_zero")]
    pub compressed_size: i64,
    /// Digest of the uncompressed archive (the diff id); empty for a container's layer.
    #[serde(default, rename = "diff-digest", skip_serializing_if = "String::is_empty")]
    pub diff_digest: String,
    /// Bytes of the uncompressed archive.
    #[serde(default, rename = "diff-size", skip_serializing_if = "is_zero")]
    pub diff_size: i64,
    /// 0 none, 1 bzip2, 2 gzip, 3 xz, 4 zstd.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub compression: i64,
    /// User ids that own something in the layer.
    #[serde(default, rename = "uidset", skip_serializing_if = "is_empty", deserialize_with = "null_default")]
    pub uids: Vec<u32>,
    /// Group ids that own something in the layer.
    #[serde(default, rename = "gidset", skip_serializing_if = "is_empty", deserialize_with = "null_default")]
    pub gids: Vec<u32>,
    /// Marks such as `incomplete`.
    #[serde(default, skip_serializing_if = "Map::is_empty", deserialize_with = "null_default")]
    pub flags: Map<String, Value>,
    /// User id mapping of the contents on disk.
    #[serde(default, rename = "uidmap", skip_serializing_if = "is_empty", deserialize_with = "null_default")]
    pub uid_map: Vec<IdMap>,
    /// Group id mapping of the contents on disk.
    #[serde(default, rename = "gidmap", skip_serializing_if = "is_empty", deserialize_with = "null_default")]
    pub gid_map: Vec<IdMap>,
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
    #[serde(skip)]
    pub(crate) location: usize,
}

impl Layer {
    /// A layer without contents yet.
    pub(crate) fn new(id: String, parent: Option<&str>) -> Self {
        Self {
            id,
            names: Vec::new(),
            parent: parent.unwrap_or_default().to_owned(),
            metadata: String::new(),
            mount_label: String::new(),
            created: Timestamp::now(),
            compressed_digest: String::new(),
            compressed_size: 0,
            diff_digest: String::new(),
            diff_size: 0,
            compression: 0,
            uids: Vec::new(),
            gids: Vec::new(),
            flags: Map::new(),
            uid_map: Vec::new(),
            gid_map: Vec::new(),
            other: Map::new(),
            location: 0,
        }
    }

    /// The layer below.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        (!self.parent.is_empty()).then_some(self.parent.as_str())
    }

    pub(crate) fn is_incomplete(&self) -> bool {
        self.flags.get(INCOMPLETE) == Some(&Value::Bool(true))
    }

    pub(crate) fn set_incomplete(&mut self, incomplete: bool) {
        if incomplete {
            self.flags.insert(INCOMPLETE.to_owned(), Value::Bool(true));
        } else {
            self.flags.shift_remove(INCOMPLETE);
        }
    }
}

/// An image: a name for a chain of layers and the documents that describe it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Image {
    /// Its id; for ordinary images the hexadecimal digest of its configuration.
    pub id: String,
    /// Digest of its manifest.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// Fully qualified references.
    #[serde(default, skip_serializing_if = "is_empty", deserialize_with = "null_default")]
    pub names: Vec<String>,
    /// References it ever had, the newest first.
    #[serde(
        default,
        rename = "names-history",
        skip_serializing_if = "is_empty",
        deserialize_with = "null_default"
    )]
    pub names_history: Vec<String>,
    /// Its topmost layer; empty for an image without layers.
    #[serde(default, rename = "layer", skip_serializing_if = "String::is_empty")]
    pub top_layer: String,
    /// Copies of the top layer with other id mappings.
    #[serde(
        default,
        rename = "mapped-layers",
        skip_serializing_if = "is_empty",
        deserialize_with = "null_default"
    )]
    pub mapped_top_layers: Vec<String>,
    /// Free text of the creator; containers/image keeps sizes of signatures here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    /// Names of the documents.
    #[serde(
        default,
        rename = "big-data-names",
        skip_serializing_if = "is_empty",
        deserialize_with = "null_default"
    )]
    pub data_names: Vec<String>,
    /// Their sizes in bytes.
    #[serde(
        default,
        rename = "big-data-sizes",
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_default"
    )]
    pub data_sizes: BTreeMap<String, i64>,
    /// Their digests.
    #[serde(
        default,
        rename = "big-data-digests",
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_default"
    )]
    pub data_digests: BTreeMap<String, String>,
    /// When the image was built.
    #[serde(default = "epoch")]
    pub created: Timestamp,
    /// Marks.
    #[serde(default, skip_serializing_if = "Map::is_empty", deserialize_with = "null_default")]
    pub flags: Map<String, Value>,
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
    #[serde(skip)]
    pub(crate) location: usize,
}

impl Image {
    /// The digests of all its manifests, the one it is known by first.
    #[must_use]
    pub fn digests(&self) -> Vec<&str> {
        let manifests = self
            .data_digests
            .iter()
            .filter(|(name, _)| name.starts_with("manifest"))
            .map(|(_, digest)| digest);
        let mut digests: Vec<&str> = Vec::new();
        for digest in std::iter::once(&self.digest).chain(manifests) {
            if !digest.is_empty() && !digests.contains(&digest.as_str()) {
                digests.push(digest);
            }
        }
        digests
    }

    /// The topmost layer.
    #[must_use]
    pub fn top_layer(&self) -> Option<&str> {
        (!self.top_layer.is_empty()).then_some(self.top_layer.as_str())
    }
}

/// A container: a writable layer over an image's top layer, and what its creator says about it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Names.
    #[serde(default, skip_serializing_if = "is_empty", deserialize_with = "null_default")]
    pub names: Vec<String>,
    /// The image it was made from; may be empty.
    #[serde(default)]
    pub image: String,
    /// Its writable layer.
    #[serde(default)]
    pub layer: String,
    /// Free text of the creator; JSON by podman's convention.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    /// Names of data items.
    #[serde(
        default,
        rename = "big-data-names",
        skip_serializing_if = "is_empty",
        deserialize_with = "null_default"
    )]
    pub data_names: Vec<String>,
    /// Their sizes in bytes.
    #[serde(
        default,
        rename = "big-data-sizes",
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_default"
    )]
    pub data_sizes: BTreeMap<String, i64>,
    /// Their digests.
    #[serde(
        default,
        rename = "big-data-digests",
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_default"
    )]
    pub data_digests: BTreeMap<String, String>,
    /// When it was made.
    #[serde(default = "epoch")]
    pub created: Timestamp,
    /// User id mapping of its root file system.
    #[serde(default, rename = "uidmap", skip_serializing_if = "is_empty", deserialize_with = "null_default")]
    pub uid_map: Vec<IdMap>,
    /// Group id mapping of its root file system.
    #[serde(default, rename = "gidmap", skip_serializing_if = "is_empty", deserialize_with = "null_default")]
    pub gid_map: Vec<IdMap>,
    /// Marks.
    #[serde(default, skip_serializing_if = "Map::is_empty", deserialize_with = "null_default")]
    pub flags: Map<String, Value>,
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
    #[serde(skip)]
    pub(crate) location: usize,
}

/// What the tables need to know of a row.
pub(crate) trait Record: Clone + Serialize + for<'de> Deserialize<'de> {
    /// What it is called in messages.
    const KIND: &'static str;
    fn id(&self) -> &str;
    fn names(&self) -> &[String];
    fn location(&self) -> usize;
    fn set_location(&mut self, location: usize);
}

macro_rules! record {
    ($type:ty, $kind:literal) => {
        impl Record for $type {
            const KIND: &'static str = $kind;

            fn id(&self) -> &str {
                &self.id
            }

            fn names(&self) -> &[String] {
                &self.names
            }

            fn location(&self) -> usize {
                self.location
            }

            fn set_location(&mut self, location: usize) {
                self.location = location;
            }
        }
    };
}

record!(Layer, "layer");
record!(Image, "image");
record!(Container, "container");

fn is_empty<T>(list: &[T]) -> bool {
    list.is_empty()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

fn epoch() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn null_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_survive() {
        let text = r#"{"id":"a","created":"2024-01-02T03:04:05.123456789+02:00","toc-digest":"x","names":null,"flags":{"f":1}}"#;
        let layer: Layer = serde_json::from_str(text).unwrap();
        assert!(layer.names.is_empty());
        let value = serde_json::to_value(&layer).unwrap();
        assert_eq!(value["toc-digest"], "x");
        assert_eq!(value["flags"]["f"], 1);
        assert_eq!(value["created"], "2024-01-02T01:04:05.123456789Z");
        assert!(value.get("parent").is_none());
    }

    #[test]
    fn digests_begin_with_the_main_one() {
        let text = r#"{"id":"a","digest":"sha256:b","big-data-digests":{"manifest":"sha256:c","manifest-sha256:b":"sha256:b","x":"sha256:d"}}"#;
        let image: Image = serde_json::from_str(text).unwrap();
        assert_eq!(image.digests(), ["sha256:b", "sha256:c"]);
    }
}
