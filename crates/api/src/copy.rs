//! Copying images between the store and other places.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{KeyFile, PushCompression, PushFormat, RegistryAccess, SigningKeys};

/// What is copied of a list of images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ListSelection {
    /// The image for the platform.
    #[default]
    System,
    /// The list and all its images.
    All,
    /// The list alone.
    IndexOnly,
}

/// What becomes of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CopyLayers {
    /// They stay as they are.
    AsIs,
    /// Plain ones are packed.
    Packed,
    /// All are packed in the form that is asked for.
    Repacked,
    /// All are plain tars.
    Plain,
}

/// Options of copying an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ImageCopyOptions {
    /// What is copied of a list.
    pub selection: ListSelection,
    /// The manifest's family; `None` keeps it where the destination takes it.
    pub format: Option<PushFormat>,
    /// What becomes of layers; `None` is what the destination is used to.
    pub layers: Option<CopyLayers>,
    /// How layers are packed.
    #[serde(rename = "compressionFormat")]
    pub compression: Option<PushCompression>,
    /// How hard: 1 to 9 for gzip, 1 to 20 for zstd.
    #[serde(rename = "compressionLevel")]
    pub compression_level: Option<i32>,
    /// Fail rather than change a manifest.
    #[serde(rename = "preserveDigests")]
    pub preserve_digests: bool,
    /// Further names for the image in a docker-archive.
    #[serde(rename = "additionalTag")]
    pub additional_tags: Vec<String>,
    /// Operating system of the image; `None` is this machine's.
    pub os: Option<String>,
    /// Architecture of the image; `None` is this machine's.
    pub arch: Option<String>,
    /// Variant of the architecture.
    pub variant: Option<String>,
    /// How many layers are under way at once; `None` leaves it to containers.conf.
    #[serde(rename = "parallelCopies")]
    pub parallel: Option<u32>,
    /// How the registry is reached that is one of the ends.
    #[serde(skip)]
    pub access: RegistryAccess,
    /// Without credentials, not even stored ones (local engine only).
    #[serde(skip)]
    pub anonymous: bool,
    /// Where the blobs of an OCI layout are, in place of its own folder (local engine only).
    #[serde(skip)]
    pub shared_blobs: Option<String>,
    /// Which policy.json says what may be read (local engine only).
    #[serde(skip)]
    pub policy: CopyPolicy,
    /// Leave the source's signatures behind.
    #[serde(rename = "removeSignatures")]
    pub remove_signatures: bool,
    /// What the copy is signed with (local engine only).
    #[serde(skip)]
    pub signing: SigningKeys,
    /// The name that is signed in place of the destination's own (local engine only).
    #[serde(skip)]
    pub sign_identity: Option<String>,
    /// The folder that says where signatures are, in place of the host's registries.d (local engine only).
    #[serde(skip)]
    pub signature_places: Option<String>,
    /// Public keys for which layers are encrypted (local engine only).
    #[serde(skip)]
    pub encryption_keys: Vec<KeyFile>,
    /// The layers that are encrypted, from 0 on or from the end with -1 on; all where there is none.
    #[serde(skip)]
    pub encrypt_layers: Vec<i64>,
    /// Private keys that open encrypted layers (local engine only).
    #[serde(skip)]
    pub decryption_keys: Vec<KeyFile>,
}

impl ImageCopyOptions {
    /// Whether keys are needed, which never leave this machine.
    pub fn uses_keys(&self) -> bool {
        !self.signing.is_empty() || !self.encryption_keys.is_empty() || !self.decryption_keys.is_empty()
    }
}

/// Which policy says what may be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CopyPolicy {
    /// The user's or the system's policy.json.
    #[default]
    Usual,
    /// That file.
    File(String),
    /// None: everything is accepted.
    Nothing,
}

/// The documents that an image is made of. JSON: Cove's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageDocuments {
    /// One of its names; empty where it has none.
    pub name: String,
    /// Its manifest, as it came.
    pub manifest: String,
    /// Its configuration, as it came.
    pub config: String,
}
