//! Images.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::query;
use crate::{Filters, KeyFile, RegistryAccess, StringMap, Timestamp};

/// When to ask the registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PullPolicy {
    /// Always; fail where that fails.
    Always,
    /// Only where the image is missing.
    #[default]
    Missing,
    /// Where the registry's is newer; keep the local one where the registry cannot be asked.
    Newer,
    /// Never.
    Never,
}

/// Options of `pull`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PullOptions {
    /// When to ask the registry.
    #[serde(default = "always")]
    pub policy: PullPolicy,
    /// Operating system, where not this machine's.
    #[serde(rename = "OS")]
    pub os: Option<String>,
    /// Architecture (Go's name), where not this machine's.
    #[serde(rename = "Arch")]
    pub arch: Option<String>,
    /// Variant (`v7`, …).
    #[serde(rename = "Variant")]
    pub variant: Option<String>,
    /// Every tag of the repository.
    #[serde(rename = "allTags")]
    pub all_tags: bool,
    /// How the registry is reached.
    #[serde(skip)]
    pub access: RegistryAccess,
    /// Private keys that open encrypted layers (local engine only).
    #[serde(skip)]
    pub decryption_keys: Vec<KeyFile>,
    /// The policy.json that decides whether it may be used, in place of the host's (local engine only).
    #[serde(skip)]
    pub signature_policy: Option<String>,
}

/// What the service takes where a request does not say it.
fn always() -> PullPolicy {
    PullPolicy::Always
}

/// What `pull` ends with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PullReport {
    /// Ids of the images, in the order they came.
    pub images: Vec<String>,
}

/// A row of `images`. JSON: libpod's `ImageSummary`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct ImageSummary {
    pub id: String,
    pub parent_id: String,
    pub repo_tags: Vec<String>,
    pub repo_digests: Vec<String>,
    /// Seconds since the epoch.
    pub created: i64,
    /// Bytes.
    pub size: i64,
    pub shared_size: i64,
    pub virtual_size: i64,
    pub labels: StringMap,
    /// How many containers use it.
    pub containers: i64,
    pub read_only: bool,
    pub dangling: bool,
    pub arch: String,
    pub digest: String,
    /// Earlier names.
    pub history: Vec<String>,
    pub is_manifest_list: bool,
    pub names: Vec<String>,
    pub os: String,
}

/// Options of `list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ImageListOptions {
    /// Also the intermediate ones of builds.
    pub all: bool,
    /// `before`, `dangling`, `containers`, `digest`, `id`, `intermediate`, `label`, `readonly`, `reference`,
    /// `since`, `until`, `manifest`.
    #[serde(deserialize_with = "query::filters")]
    pub filters: Filters,
}

/// All about an image. JSON: `podman image inspect`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct ImageInspect {
    pub id: String,
    pub digest: String,
    pub repo_tags: Vec<String>,
    pub repo_digests: Vec<String>,
    pub parent: String,
    pub comment: String,
    pub created: Option<Timestamp>,
    pub config: ImageConfig,
    pub version: String,
    pub author: String,
    pub architecture: String,
    pub os: String,
    pub size: i64,
    pub virtual_size: i64,
    pub graph_driver: GraphDriver,
    #[serde(rename = "RootFS")]
    pub root_fs: RootFs,
    pub labels: StringMap,
    pub annotations: StringMap,
    pub manifest_type: String,
    pub user: String,
    pub history: Vec<ImageHistory>,
    pub names_history: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<serde_json::Value>,
}

/// The run-time part of an image's configuration (OCI image specification, `config`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are those of the OCI image specification")]
pub struct ImageConfig {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub exposed_ports: BTreeMap<String, serde_json::Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, serde_json::Value>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: StringMap,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub on_build: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shell: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<serde_json::Value>,
}

/// Where the store keeps something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct GraphDriver {
    /// `overlay` or `vfs`.
    pub name: String,
    /// `LowerDir`, `UpperDir`, `MergedDir`, `WorkDir`.
    pub data: StringMap,
}

/// The layers of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct RootFs {
    /// `layers`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Digests of the uncompressed layers, base first.
    pub layers: Vec<String>,
}

/// A step in an image's making (OCI image specification, `history`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the OCI image specification")]
pub struct ImageHistory {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created_by: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub author: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub comment: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub empty_layer: bool,
}

/// A row of `history`. JSON: libpod's `HistoryResponse`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct ImageHistoryRow {
    #[serde(rename = "Id")]
    pub id: String,
    /// Seconds since the epoch.
    #[serde(rename = "Created")]
    pub created: i64,
    #[serde(rename = "CreatedBy")]
    pub created_by: String,
    #[serde(rename = "Tags")]
    pub tags: Vec<String>,
    #[serde(rename = "Size")]
    pub size: i64,
    #[serde(rename = "Comment")]
    pub comment: String,
}

/// Options of `remove`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ImageRemoveOptions {
    /// Every image.
    pub all: bool,
    /// Also the containers that use it, and every name.
    pub force: bool,
    /// Missing images are no error.
    pub ignore: bool,
    /// Keep parents that have no name.
    #[serde(rename = "noprune")]
    pub no_prune: bool,
    /// Only lists of images.
    #[serde(rename = "lookupManifest")]
    pub lookup_manifest: bool,
}

/// What `remove` did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageRemoveReport {
    /// Ids that are gone.
    pub deleted: Vec<String>,
    /// Names that are gone.
    pub untagged: Vec<String>,
    /// Why others are not.
    pub errors: Vec<String>,
    /// What the command ends with: 0, 1 (no such image), 2 (in use), 125.
    pub exit_code: i32,
    /// The kind of the first of the errors, in the process that met it.
    #[serde(skip)]
    pub kind: Option<crate::ErrorKind>,
}

impl ImageRemoveReport {
    /// The first failure as an error.
    #[must_use]
    pub fn failure(&self) -> Option<crate::Error> {
        let text = self.errors.first()?;
        let kind = self.kind.unwrap_or(match self.exit_code {
            1 => crate::ErrorKind::NotFound,
            2 => crate::ErrorKind::InUse,
            _ => crate::ErrorKind::Internal,
        });
        Some(crate::Error::new(kind, text.clone()))
    }
}

/// The archive formats of `save`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ArchiveFormat {
    /// A tar as `docker save` writes it.
    #[default]
    DockerArchive,
    /// A tar of an OCI layout.
    OciArchive,
    /// A tar of a folder with a Docker manifest, its configuration and layers.
    DockerDir,
    /// A tar of an OCI layout that becomes a folder.
    OciDir,
}

/// Options of `save`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SaveOptions {
    /// The format.
    pub format: ArchiveFormat,
    /// Several images in one docker-archive.
    pub multi: bool,
    /// Compress the layers of a `docker-dir`.
    pub compress: bool,
    /// Keep layers of OCI archives as they are.
    #[serde(rename = "ociAcceptUncompressedLayers")]
    pub oci_accept_uncompressed_layers: bool,
}

/// Options of `search`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SearchOptions {
    /// How many at most of each registry; 0 is 25.
    pub limit: u32,
    /// `stars=NUMBER`, `is-official=BOOL`, `is-automated=BOOL`.
    #[serde(deserialize_with = "query::filters")]
    pub filters: Filters,
    /// The tags of the repository that the term names.
    #[serde(rename = "listTags")]
    pub list_tags: bool,
    /// How the registries are reached.
    #[serde(skip)]
    pub access: RegistryAccess,
}

/// What `search` found. JSON: libpod's `ImageSearchReport`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct SearchResult {
    /// The registry.
    pub index: String,
    /// The repository with its registry.
    pub name: String,
    /// What its owner says about it.
    pub description: String,
    /// How many users marked it.
    pub stars: i64,
    /// `[OK]` where the registry's owner keeps it.
    pub official: String,
    /// `[OK]` where it is built automatically.
    pub automated: String,
    /// The tag, in a list of tags.
    pub tag: String,
}

/// Where the name of an image leads. JSON: Cove's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageExplanation {
    /// As it was asked for.
    pub name: String,
    /// The image of the store that it means; empty where there is none.
    pub local_id: String,
    /// The name that this is found by.
    pub local_name: String,
    /// How the candidates were found.
    pub resolution: String,
    /// What a list is searched for.
    pub platform: String,
    /// policy.json, where there is one.
    pub policy_file: String,
    /// What a pull tries, one after the other.
    pub candidates: Vec<ExplainedCandidate>,
}

/// A reference that a pull tries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct ExplainedCandidate {
    /// The reference.
    pub reference: String,
    /// Where it is asked for, one after the other.
    pub places: Vec<ExplainedPlace>,
    /// Why the configuration forbids it; empty where it does not.
    pub refused: String,
    /// Whether it was asked for now.
    pub asked: bool,
    /// The place that answered.
    pub answered: String,
    /// Digest of what it stands for.
    pub digest: String,
    /// That is a list of images.
    pub is_list: bool,
    /// Digest of the manifest for the platform.
    pub image_digest: String,
    /// Id that the image would have.
    pub image_id: String,
    /// How many layers it has.
    pub layers: u64,
    /// Bytes of its layers as they are sent.
    pub size: u64,
    /// Why it cannot be pulled.
    pub error: String,
}

/// A place where an image is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct ExplainedPlace {
    /// The reference as it is known there.
    pub reference: String,
    /// A mirror.
    pub mirror: bool,
    /// Certificates are not checked, and plain HTTP is allowed.
    pub insecure: bool,
}

/// What `load` answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct LoadReport {
    /// Names (or ids of unnamed ones) in the order of the archive.
    pub names: Vec<String>,
}

/// Options of `import`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ImportOptions {
    /// `CMD`, `ENTRYPOINT`, `ENV`, `EXPOSE`, `LABEL`, `STOPSIGNAL`, `USER`, `VOLUME`, `WORKDIR` instructions.
    pub changes: Vec<String>,
    /// The commit message.
    pub message: String,
    /// Name of the new image; empty leaves it unnamed.
    pub reference: String,
    /// Operating system, where not this machine's.
    #[serde(rename = "OS")]
    pub os: String,
    /// Architecture, where not this machine's.
    #[serde(rename = "Architecture")]
    pub arch: String,
    /// Variant.
    #[serde(rename = "Variant")]
    pub variant: String,
}
