//! What is mounted into a container.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A mount in the form of the OCI runtime specification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Mount {
    /// Absolute path in the container.
    pub destination: String,
    /// `bind`, `tmpfs`, …
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Path on the engine's host for `bind`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Mount options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// A volume mounted into a container. JSON keys are capitalised, as libpod's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct NamedVolume {
    /// The volume; empty makes an anonymous one.
    pub name: String,
    /// Absolute path in the container.
    pub dest: String,
    /// Mount options.
    pub options: Vec<String>,
    /// True for an anonymous volume.
    pub is_anonymous: bool,
    /// A directory in the volume to mount instead of its root.
    pub sub_path: String,
}

/// A folder of the host below a layer that is thrown away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OverlayVolume {
    /// Absolute path in the container.
    pub destination: String,
    /// Absolute folder of the host.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// `O`, `U`, `upperdir=…`, `workdir=…`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// An image that is mounted as a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageVolume {
    /// Its name or id.
    pub source: String,
    /// Absolute path in the container.
    pub destination: String,
    /// Writable, on a layer that is thrown away.
    pub read_write: bool,
    /// A folder in the image; empty for all of it.
    #[serde(rename = "subPath", skip_serializing_if = "String::is_empty")]
    pub sub_path: String,
}

/// An artifact that is mounted as files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct ArtifactVolume {
    pub source: String,
    pub destination: String,
    pub title: String,
    pub digest: String,
    pub name: String,
}
