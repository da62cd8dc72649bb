//! Artifacts: files that are kept and moved as images are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, StringMap};

/// Options of adding a file to an artifact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ArtifactAddOptions {
    /// The artifact's name.
    pub name: String,
    /// The name of the file in it.
    #[serde(rename = "fileName")]
    pub file_name: String,
    /// Media type of the file; else it is found out.
    #[serde(rename = "fileMIMEType")]
    pub file_type: String,
    /// `KEY=VALUE`: annotations of the file, and of a new artifact.
    pub annotations: Vec<String>,
    /// What sort of artifact it is.
    #[serde(rename = "artifactMIMEType")]
    pub artifact_type: String,
    /// To one that exists.
    pub append: bool,
    /// In place of one that exists.
    pub replace: bool,
}

impl ArtifactAddOptions {
    /// The annotations as a map.
    ///
    /// # Errors
    /// One has no value.
    pub fn annotation_map(&self) -> Result<StringMap> {
        let pair = |text: &String| match text.split_once('=') {
            Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
            None => Err(Error::invalid(format!("annotation {text:?} must be in key=value format"))),
        };
        self.annotations.iter().map(pair).collect()
    }
}

/// An artifact. JSON: libpod's `ArtifactInspectReport`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct Artifact {
    /// Digest of its manifest, by whose hexadecimal digits it is found, too.
    pub digest: String,
    /// Its name.
    pub name: String,
    /// Its manifest (OCI image specification).
    pub manifest: serde_json::Value,
}

impl Artifact {
    /// The bytes of its files.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files().filter_map(|file| file["size"].as_u64()).sum()
    }

    /// Its files, as the manifest describes them.
    pub fn files(&self) -> impl Iterator<Item = &serde_json::Value> {
        self.manifest["layers"].as_array().into_iter().flatten()
    }
}

/// Options of getting files out of an artifact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ArtifactExtractOptions {
    /// Only the file with this digest.
    pub digest: String,
    /// Only the file of this name.
    pub title: String,
    /// The name of a single file is left out.
    #[serde(rename = "excludetitle")]
    pub exclude_title: bool,
}

/// Options of removing artifacts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ArtifactRemoveOptions {
    /// Every artifact.
    pub all: bool,
    /// Names, or beginnings of digests.
    pub artifacts: Vec<String>,
    /// One that is missing is no error.
    pub ignore: bool,
}

/// What became of one artifact. JSON: libpod's `ArtifactAddReport`, `ArtifactPullReport` and `ArtifactPushReport`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct ArtifactReport {
    /// Digest of its manifest.
    pub artifact_digest: String,
}

/// What became of several. JSON: libpod's `ArtifactRemoveReport`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct ArtifactRemoveReport {
    /// Digests of their manifests.
    pub artifact_digests: Vec<String>,
}
