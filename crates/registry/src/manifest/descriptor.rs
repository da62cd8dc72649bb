//! Descriptors and media types: how manifests name what they hold.

use std::collections::BTreeMap;

use cove_archive::Digest;
use serde::{Deserialize, Serialize};

use crate::platform::Platform;

/// Media types of the two families.
pub mod media_type {
    /// Docker's image manifest, schema 2.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker's manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Docker's image configuration.
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    /// Docker's layer, compressed with gzip.
    pub const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    /// Docker's layer, not compressed.
    pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
    /// Docker's layer, compressed with zstd.
    pub const DOCKER_LAYER_ZSTD: &str = "application/vnd.docker.image.rootfs.diff.tar.zstd";
    /// Docker's layer that lives outside the registry.
    pub const DOCKER_FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    /// OCI image manifest.
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI image index.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// OCI image configuration.
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// OCI layer, not compressed.
    pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// OCI layer, compressed with gzip.
    pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// OCI layer, compressed with zstd.
    pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    pub(crate) const OCI_NONDISTRIBUTABLE: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    pub(crate) const DOCKER_SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+json";
    pub(crate) const DOCKER_SCHEMA1_SIGNED: &str =
        "application/vnd.docker.distribution.manifest.v1+prettyjws";
}

/// The two families of manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestFormat {
    /// Docker image manifest version 2, schema 2.
    Docker,
    /// OCI image specification 1.
    Oci,
}

/// How a layer's tar is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerCompression {
    /// Plain tar.
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// Names a blob or manifest by digest and size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type; may be empty in old documents.
    #[serde(default)]
    pub media_type: String,
    /// Digest of the content.
    pub digest: Digest,
    /// Length of the content in bytes.
    pub size: u64,
    /// Where else the content lives; never followed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// In an index: where the image runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

impl Descriptor {
    /// Of `data` with this media type.
    pub fn of(media_type: &str, data: &[u8]) -> Self {
        Self::new(media_type, Digest::sha256(data), data.len() as u64)
    }

    /// Without URLs, annotations and platform.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            platform: None,
        }
    }

    /// How the layer's media type says its tar is stored; `None` for a media type that is no layer.
    pub fn layer_compression(&self) -> Option<LayerCompression> {
        use media_type::*;
        Some(match self.media_type.as_str() {
            DOCKER_LAYER | OCI_LAYER | OCI_NONDISTRIBUTABLE => LayerCompression::None,
            DOCKER_LAYER_GZIP | DOCKER_FOREIGN | OCI_LAYER_GZIP => LayerCompression::Gzip,
            DOCKER_LAYER_ZSTD | OCI_LAYER_ZSTD => LayerCompression::Zstd,
            other => match other.strip_prefix(OCI_NONDISTRIBUTABLE)? {
                "+gzip" => LayerCompression::Gzip,
                "+zstd" => LayerCompression::Zstd,
                _ => return None,
            },
        })
    }
}

/// The layer media type of a family for a compression.
pub fn layer_media_type(format: ManifestFormat, compression: LayerCompression) -> &'static str {
    use media_type::*;
    match (format, compression) {
        (ManifestFormat::Docker, LayerCompression::None) => DOCKER_LAYER,
        (ManifestFormat::Docker, LayerCompression::Gzip) => DOCKER_LAYER_GZIP,
        (ManifestFormat::Docker, LayerCompression::Zstd) => DOCKER_LAYER_ZSTD,
        (ManifestFormat::Oci, LayerCompression::None) => OCI_LAYER,
        (ManifestFormat::Oci, LayerCompression::Gzip) => OCI_LAYER_GZIP,
        (ManifestFormat::Oci, LayerCompression::Zstd) => OCI_LAYER_ZSTD,
    }
}
