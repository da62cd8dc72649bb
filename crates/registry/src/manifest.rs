//! Manifests and indexes: Docker schema 2 and OCI, read strictly and rewritten without losing unknown fields.

mod config;
mod descriptor;
mod digest;
mod list;

use std::collections::BTreeMap;

use bytes::Bytes;
use cove_archive::Digest;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::encryption::is_encrypted;
use crate::error::{Error, Result};
use crate::platform::Platform;

pub use config::{ImageConfig, RootFs};
pub use descriptor::{Descriptor, LayerCompression, ManifestFormat, layer_media_type, media_type};
pub use digest::manifest_digest;
pub use list::{ListEntry, ListPlatform, ManifestList};

/// Largest manifest or index that is read, in bytes.
pub(crate) const MAX_MANIFEST: u64 = 4 << 20;
/// Largest image configuration that is read, in bytes.
pub const MAX_CONFIG: u64 = 4 << 20;

/// A manifest or index as bytes, with the media type under which it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawManifest {
    /// Exactly as received.
    pub bytes: Bytes,
    /// Without parameters; empty where the source does not know.
    pub media_type: String,
}

impl RawManifest {
    /// From parts; parameters of the media type are cut off.
    pub fn new(bytes: impl Into<Bytes>, media_type: &str) -> Self {
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Self { bytes: bytes.into(), media_type }
    }

    /// Its SHA-256 digest.
    pub fn digest(&self) -> Digest {
        Digest::sha256(&self.bytes)
    }
}

/// What a manifest document turned out to be.
#[derive(Clone, Debug)]
pub enum Document {
    /// One image.
    Image(Box<ImageManifest>),
    /// A list of images.
    Index(ImageIndex),
}

/// An image index or manifest list.
#[derive(Clone, Debug)]
pub struct ImageIndex {
    /// Its family.
    pub format: ManifestFormat,
    /// Its entries.
    pub manifests: Vec<Descriptor>,
}

impl ImageIndex {
    /// The entry for `platform`.
    ///
    /// # Errors
    /// [`Error::NoPlatform`], with what there is.
    pub fn choose(&self, platform: &Platform, image: &str) -> Result<&Descriptor> {
        platform
            .choose(self.manifests.iter().map(|entry| entry.platform.as_ref()))
            .map(|position| &self.manifests[position])
            .ok_or_else(|| {
                let mut available: Vec<String> = self
                    .manifests
                    .iter()
                    .filter_map(|entry| entry.platform.as_ref())
                    .filter(|platform| platform.os != "unknown")
                    .map(ToString::to_string)
                    .take(40)
                    .collect();
                available.dedup();
                Error::NoPlatform {
                    image: image.into(),
                    architecture: platform.architecture.clone(),
                    variant: platform.variant.clone(),
                    os: platform.os.clone(),
                    available: if available.is_empty() {
                        "no platforms".into()
                    } else {
                        available.join(", ")
                    },
                }
            })
    }
}

/// The manifest of one image.
#[derive(Clone, Debug)]
pub struct ImageManifest {
    /// Its family.
    pub format: ManifestFormat,
    /// The image configuration.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    value: Value,
}

/// Only the shape: duplicate keys are an error here, so that two parsers cannot differ.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    #[serde(default)]
    schema_version: Option<u64>,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    fs_layers: Option<Value>,
    #[serde(default)]
    history: Option<Value>,
    #[serde(default)]
    blobs: Option<Value>,
}

/// Parses a manifest or index of the image that `image` names in messages.
///
/// # Errors
/// [`Error::InvalidImage`] for what is malformed or ambiguous, [`Error::Unsupported`] for schema 1 and artifacts.
pub fn parse(raw: &RawManifest, image: &str) -> Result<Document> {
    let wrong = |reason: String| Error::image(image, format!("invalid manifest: {reason}"));
    if raw.bytes.len() as u64 > MAX_MANIFEST {
        return Err(Error::TooLarge { subject: format!("{image}: manifest"), limit: MAX_MANIFEST });
    }
    let shape: Shape = serde_json::from_slice(&raw.bytes).map_err(|error| wrong(error.to_string()))?;
    let declared = shape.media_type.as_deref().unwrap_or_default();
    if [declared, raw.media_type.as_str()]
        .iter()
        .any(|kind| matches!(*kind, media_type::DOCKER_SCHEMA1 | media_type::DOCKER_SCHEMA1_SIGNED))
        || shape.schema_version == Some(1)
        || (shape.fs_layers.is_some() && shape.history.is_some())
    {
        return Err(Error::Unsupported {
            subject: image.into(),
            what: "a Docker manifest of schema 1 (push the image again with a newer tool)".into(),
        });
    }
    if shape.schema_version != Some(2) {
        return Err(wrong("schemaVersion is not 2".into()));
    }
    if let Some(format) = kind_of(declared, &raw.media_type).map_err(wrong)? {
        let is_index = shape.manifests.is_some();
        let is_image = shape.config.is_some() || shape.layers.is_some();
        if is_index && (is_image || shape.fs_layers.is_some()) {
            return Err(wrong("it has both manifests and layers, so it can be read in two ways".into()));
        }
        if is_index != format.1 || is_image == format.1 {
            return Err(wrong("its contents are not what its media type says".into()));
        }
    } else if shape.manifests.is_some() && (shape.config.is_some() || shape.layers.is_some()) {
        return Err(wrong("it has both manifests and layers, so it can be read in two ways".into()));
    }
    if shape.blobs.is_some() {
        return Err(Error::Unsupported { subject: image.into(), what: "an artifact manifest".into() });
    }
    let format = family(declared)
        .or_else(|| family(&raw.media_type))
        .or_else(|| shape.config.as_ref().and_then(|config| family(&config.media_type)))
        .unwrap_or(ManifestFormat::Oci);
    if let Some(manifests) = shape.manifests {
        return Ok(Document::Index(ImageIndex { format, manifests }));
    }
    let (Some(config), Some(layers)) = (shape.config, shape.layers) else {
        return Err(wrong("it has neither manifests nor a config with layers".into()));
    };
    let value = serde_json::from_slice(&raw.bytes).map_err(|error| wrong(error.to_string()))?;
    Ok(Document::Image(Box::new(ImageManifest { format, config, layers, value })))
}

/// The family and whether it is an index, by the declared and the received media type, which must agree.
fn kind_of(declared: &str, received: &str) -> std::result::Result<Option<(ManifestFormat, bool)>, String> {
    let kind = |name: &str| {
        Some(match name {
            media_type::DOCKER_MANIFEST => (ManifestFormat::Docker, false),
            media_type::DOCKER_LIST => (ManifestFormat::Docker, true),
            media_type::OCI_MANIFEST => (ManifestFormat::Oci, false),
            media_type::OCI_INDEX => (ManifestFormat::Oci, true),
            _ => return None,
        })
    };
    match (kind(declared), kind(received)) {
        (Some(one), Some(other)) if one != other => {
            Err(format!("it says it is {declared} but was served as {received}"))
        }
        (None, None) if !declared.is_empty() => Err(format!("unknown media type {declared:?}")),
        (Some(one), _) | (None, Some(one)) => Ok(Some(one)),
        (None, None) => Ok(None),
    }
}

fn family(name: &str) -> Option<ManifestFormat> {
    if name.starts_with("application/vnd.docker.") {
        Some(ManifestFormat::Docker)
    } else if name.starts_with("application/vnd.oci.") {
        Some(ManifestFormat::Oci)
    } else {
        None
    }
}

impl ImageManifest {
    /// A new manifest of this family.
    pub fn build(format: ManifestFormat, config: Descriptor, layers: Vec<Descriptor>) -> Self {
        let kind = match format {
            ManifestFormat::Docker => media_type::DOCKER_MANIFEST,
            ManifestFormat::Oci => media_type::OCI_MANIFEST,
        };
        let value = json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers });
        Self { format, config, layers, value }
    }

    /// The same with annotations in place of its own; an empty map takes them away.
    #[must_use]
    pub fn with_annotations(mut self, annotations: &BTreeMap<String, String>) -> Self {
        if let Some(value) = self.value.as_object_mut() {
            match annotations.is_empty() {
                true => drop(value.remove("annotations")),
                false => drop(value.insert("annotations".into(), json!(annotations))),
            }
        }
        self
    }

    /// Its media type.
    pub fn media_type(&self) -> &'static str {
        match self.format {
            ManifestFormat::Docker => media_type::DOCKER_MANIFEST,
            ManifestFormat::Oci => media_type::OCI_MANIFEST,
        }
    }

    /// Its annotations.
    pub fn annotations(&self) -> BTreeMap<String, String> {
        self.value
            .get("annotations")
            .and_then(|value| serde_json::from_value(value.clone()).ok())
            .unwrap_or_default()
    }

    /// Whether this is a container image whose layers' media types are all known; else it is an artifact, or has
    /// layers that can only be carried as they are.
    pub fn is_image(&self) -> bool {
        self.check_supported("").is_ok()
    }

    /// Refuses what [`is_image`](Self::is_image) denies.
    ///
    /// # Errors
    /// [`Error::Unsupported`].
    pub(crate) fn check_supported(&self, image: &str) -> Result<()> {
        let refuse = |what: String| Err(Error::Unsupported { subject: image.into(), what });
        if !matches!(
            self.config.media_type.as_str(),
            media_type::DOCKER_CONFIG | media_type::OCI_CONFIG | "application/octet-stream" | ""
        ) {
            return refuse(format!(
                "an artifact (its configuration has the media type {:?}, which is no container image)",
                self.config.media_type
            ));
        }
        for layer in &self.layers {
            // What is encrypted is looked into when its key is there.
            if layer.layer_compression().is_none() && !is_encrypted(layer) {
                return refuse(format!("a layer of media type {:?}", layer.media_type));
            }
        }
        Ok(())
    }

    /// The same image with other layer descriptors, in the family `format`; unknown fields and annotations stay
    /// where the family does.
    ///
    /// # Errors
    /// [`Error::InvalidImage`] when a layer cannot be expressed in the family.
    pub(crate) fn rewrite(
        &self,
        format: ManifestFormat,
        layers: Vec<Descriptor>,
        image: &str,
    ) -> Result<Self> {
        let mut layers = layers;
        for layer in &mut layers {
            if is_encrypted(layer) && format == ManifestFormat::Oci {
                continue;
            }
            let compression = layer.layer_compression().ok_or_else(|| {
                Error::image(image, format!("layer media type {:?} is unknown", layer.media_type))
            })?;
            if family(&layer.media_type) != Some(format) {
                layer.media_type = layer_media_type(format, compression).into();
            }
            if format == ManifestFormat::Docker {
                layer.annotations.clear();
            }
        }
        if format != self.format {
            let mut config = self.config.clone();
            config.media_type = match format {
                ManifestFormat::Docker => media_type::DOCKER_CONFIG,
                ManifestFormat::Oci => media_type::OCI_CONFIG,
            }
            .into();
            let mut built = Self::build(format, config, layers);
            let annotations = self.annotations();
            if format == ManifestFormat::Oci && !annotations.is_empty() {
                built.value["annotations"] = json!(annotations);
            }
            return Ok(built);
        }
        let mut value = self.value.clone();
        value["layers"] = json!(layers);
        Ok(Self { format, config: self.config.clone(), layers, value })
    }

    /// As compact JSON.
    pub fn to_raw(&self) -> RawManifest {
        RawManifest::new(self.value.to_string(), self.media_type())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parsed(text: &str, kind: &str) -> Result<Document> {
        parse(&RawManifest::new(text.to_owned(), kind), "img")
    }

    fn image_text(extra: &str) -> String {
        format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"{}","digest":"{HEX}","size":2}},"layers":[{{"mediaType":"{}","digest":"{HEX}","size":0}}]{extra}}}"#,
            media_type::DOCKER_CONFIG,
            media_type::DOCKER_LAYER_GZIP
        )
    }

    #[test]
    fn reads_both_families() {
        let Document::Image(image) = parsed(&image_text(""), media_type::DOCKER_MANIFEST).unwrap() else {
            panic!()
        };
        assert_eq!(image.format, ManifestFormat::Docker);
        image.check_supported("img").unwrap();
        let other = image.rewrite(ManifestFormat::Oci, image.layers.clone(), "img").unwrap();
        assert_eq!(other.layers[0].media_type, media_type::OCI_LAYER_GZIP);
        assert_eq!(other.config.media_type, media_type::OCI_CONFIG);
        let Document::Image(again) = parse(&other.to_raw(), "img").unwrap() else { panic!() };
        assert_eq!(again.format, ManifestFormat::Oci);
    }

    #[test]
    fn refuses_the_ambiguous() {
        for (text, kind) in [
            (image_text(r#","manifests":[]"#), ""),
            (image_text(r#","manifests":[]"#), media_type::OCI_INDEX),
            (image_text(r#","manifests":[]"#), media_type::OCI_MANIFEST),
            (image_text(""), media_type::OCI_INDEX),
            (
                image_text(&format!(r#","mediaType":"{}""#, media_type::OCI_INDEX)),
                media_type::DOCKER_MANIFEST,
            ),
            (image_text(r#","layers":[]"#), ""),
            (image_text(r#","mediaType":"text/html""#), ""),
            (r#"{"schemaVersion":1,"fsLayers":[],"history":[]}"#.into(), ""),
            (r#"{"schemaVersion":2}"#.into(), ""),
            ("{}".into(), ""),
            ("[]".into(), ""),
            ("<html>".into(), ""),
            (image_text("").replace("e3b0", "../."), ""),
            (image_text("").replace("\"size\":0", "\"size\":-1"), ""),
        ] {
            assert!(parsed(&text, kind).is_err(), "{text} {kind}");
        }
    }

    #[test]
    fn refuses_artifacts_and_what_is_no_layer() {
        let text =
            image_text("").replace(media_type::DOCKER_CONFIG, "application/vnd.cncf.helm.config.v1+json");
        let Document::Image(image) = parsed(&text, "").unwrap() else { panic!() };
        assert!(image.check_supported("img").unwrap_err().to_string().contains("artifact"));
        let text = image_text("").replace("rootfs.diff.tar.gzip", "rootfs.diff.tar.gzip+encrypted");
        let Document::Image(image) = parsed(&text, "").unwrap() else { panic!() };
        image.check_supported("img").unwrap();
        let text = image_text("").replace("rootfs.diff.tar.gzip", "rootfs.diff.zip+encrypted");
        let Document::Image(image) = parsed(&text, "").unwrap() else { panic!() };
        assert!(image.check_supported("img").unwrap_err().to_string().contains("zip+encrypted"));
    }

    #[test]
    fn config_needs_a_diff_id_for_each_layer() {
        let text = format!(r#"{{"os":"linux","rootfs":{{"type":"layers","diff_ids":["{HEX}"]}}}}"#);
        assert!(ImageConfig::parse(text.as_bytes(), 1, "img").is_ok());
        assert!(ImageConfig::parse(text.as_bytes(), 2, "img").is_err());
        assert!(ImageConfig::parse(b"{}", 0, "img").is_err());
    }
}
