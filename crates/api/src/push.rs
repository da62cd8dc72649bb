//! Bringing images to a registry or elsewhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{KeyFile, RegistryAccess};

/// How layers are packed on their way to a registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PushCompression {
    /// gzip, which every registry and engine knows.
    #[default]
    Gzip,
    /// Zstandard.
    Zstd,
    /// Zstandard with a frame for each file and a table of them, by which only some are fetched.
    #[serde(rename = "zstd:chunked")]
    ZstdChunked,
}

/// The family of a manifest that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PushFormat {
    /// OCI image manifest.
    #[serde(rename = "oci")]
    Oci,
    /// Docker's schema 2.
    #[serde(rename = "v2s2")]
    Docker,
}

/// The keys with which what is pushed is signed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SigningKeys {
    /// A key of gpg: a fingerprint, an id or a part of its owner's name.
    pub gpg: Option<String>,
    /// The contents of a file with a private key for sigstore's signatures.
    pub sigstore: Option<KeyFile>,
    /// What opens the key; without one gpg's agent asks, and a file is opened with the empty one.
    pub passphrase: Option<String>,
}

impl SigningKeys {
    /// Whether nothing is signed.
    pub fn is_empty(&self) -> bool {
        self.gpg.is_none() && self.sigstore.is_none()
    }
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SigningKeys").field("gpg", &self.gpg).finish_non_exhaustive()
    }
}

/// Options of `push`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PushOptions {
    /// Where to; empty is the image's own name.
    pub destination: String,
    /// The manifest's family; `None` keeps it.
    pub format: Option<PushFormat>,
    /// How layers are packed; `None` leaves it to containers.conf, or gzip.
    #[serde(rename = "compressionFormat")]
    pub compression: Option<PushCompression>,
    /// How hard: 1 to 9 for gzip, 1 to 20 for zstd.
    #[serde(rename = "compressionLevel")]
    pub compression_level: Option<i32>,
    /// Send a layer again that the registry has in another form.
    #[serde(rename = "forceCompressionFormat")]
    pub force_compression: bool,
    /// Leave signatures behind. Images of the store have none.
    #[serde(rename = "removeSignatures")]
    pub remove_signatures: bool,
    /// Every image of a list, and not the list alone; `None` is yes.
    pub all: Option<bool>,
    /// Further forms in which the images of a list are sent.
    #[serde(rename = "addCompression")]
    pub add_compression: Vec<PushCompression>,
    /// How the registry is reached.
    #[serde(skip)]
    pub access: RegistryAccess,
    /// What is signed with (local engine only).
    #[serde(skip)]
    pub signing: SigningKeys,
    /// Public keys for which layers are encrypted (local engine only).
    #[serde(skip)]
    pub encryption_keys: Vec<KeyFile>,
    /// The layers that are encrypted, from 0 on or from the end with -1 on; all where there is none.
    #[serde(skip)]
    pub encrypt_layers: Vec<i64>,
    /// The policy.json that decides whether the image may be used, in place of none (local engine only).
    #[serde(skip)]
    pub signature_policy: Option<String>,
    /// Pack the layers of a `dir:` destination (local engine only).
    #[serde(skip)]
    pub compress_directory: bool,
}

/// What `push` ends with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushReport {
    /// Digest of the manifest as stored at the destination.
    pub manifest_digest: String,
    /// Its bytes.
    pub manifest_size: u64,
}
