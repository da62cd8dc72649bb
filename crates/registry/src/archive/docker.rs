//! The archives that `docker save` and `podman save` write: `manifest.json` names configurations and layers.

use std::collections::HashMap;
use std::io::Read;

use cove_archive::{Compression, Digest, DigestAlgorithm, Hasher, fill};
use serde::{Deserialize, Serialize};

use super::content::{Content, Section};
use super::source::Lookup;
use crate::error::{Error, Result};
use crate::manifest::{
    Descriptor, ImageConfig, ImageManifest, LayerCompression, MAX_CONFIG, MAX_MANIFEST, ManifestFormat,
    RawManifest, layer_media_type, media_type,
};
use crate::reference::Reference;

pub(super) const MANIFEST: &str = "manifest.json";
const MAX_LAYERS: usize = 1000;

/// One entry of `manifest.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Item {
    pub(super) config: String,
    #[serde(default)]
    pub(super) repo_tags: Option<Vec<String>>,
    #[serde(default)]
    pub(super) layers: Vec<String>,
}

/// The entries, or `None` where this is no such archive.
pub(super) fn items(content: &Content) -> Result<Option<Vec<Item>>> {
    let Some(data) = content.read(MANIFEST, MAX_MANIFEST)? else { return Ok(None) };
    match serde_json::from_slice::<Vec<Item>>(&data) {
        Ok(items) => Ok(Some(items)),
        // A `dir:` directory has a manifest of its own under this name.
        Err(_) if content.is_directory() => Ok(None),
        Err(error) => Err(Error::archive(&content.path, format!("malformed {MANIFEST}: {error}"))),
    }
}

/// The names in an entry.
pub(super) fn names(content: &Content, item: &Item) -> Result<Vec<Reference>> {
    item.repo_tags
        .iter()
        .flatten()
        .map(|name| {
            Reference::parse(name).map(Reference::or_latest).map_err(|error| {
                Error::archive(&content.path, format!("malformed name in {MANIFEST}: {error}"))
            })
        })
        .collect()
}

/// Makes a manifest for an entry. Reads the configuration and, for packed layers, their whole data.
pub(super) fn resolve(content: &Content, item: &Item) -> Result<(RawManifest, Lookup)> {
    let wrong = |reason: String| Error::archive(&content.path, reason);
    if content.is_directory() && (!is_plain(&item.config) || !item.layers.iter().all(|name| is_plain(name))) {
        return Err(wrong(format!("{MANIFEST} names a file outside the directory")));
    }
    if item.layers.len() > MAX_LAYERS {
        return Err(wrong(format!("an image with more than {MAX_LAYERS} layers")));
    }
    let missing = |name: &str| wrong(format!("{name:?}, which {MANIFEST} names, is missing"));
    let config = content.read(&item.config, MAX_CONFIG)?.ok_or_else(|| missing(&item.config))?;
    let config_section = content.find(&item.config)?.ok_or_else(|| missing(&item.config))?;
    let label = content.path.display().to_string();
    let parsed = ImageConfig::parse(&config, item.layers.len(), &label)?;
    let config = Descriptor::of(media_type::DOCKER_CONFIG, &config);
    let mut sections = HashMap::from([(config.digest.clone(), config_section)]);
    let mut layers = Vec::new();
    for (name, diff_id) in item.layers.iter().zip(parsed.diff_ids()) {
        let section = content.find(name)?.ok_or_else(|| missing(name))?;
        let (layer, section) = describe_layer(content, name, diff_id, section)?;
        sections.insert(layer.digest.clone(), section);
        layers.push(layer);
    }
    let manifest = ImageManifest::build(ManifestFormat::Docker, config, layers);
    Ok((manifest.to_raw(), Lookup::Sections(sections)))
}

/// What a layer is called in the manifest, and where its bytes are.
fn describe_layer(
    content: &Content,
    name: &str,
    diff_id: &Digest,
    section: Section,
) -> Result<(Descriptor, Section)> {
    let failed = |error| Error::io(format!("{}: {name}", content.path.display()), error);
    let mut start = [0; 8];
    let count = fill(&mut section.reader(), &mut start).map_err(failed)?;
    let (compression, section) = match Compression::of(&start[..count]) {
        Compression::None => (LayerCompression::None, section),
        Compression::Gzip => (LayerCompression::Gzip, section),
        Compression::Zstd => (LayerCompression::Zstd, section),
        // Manifests have no media type for these, so the layer goes on as the plain tar that it is.
        Compression::Xz | Compression::Bzip2 => {
            (LayerCompression::None, content.unpack(&section).map_err(failed)?)
        }
    };
    let kind = layer_media_type(ManifestFormat::Docker, compression);
    let digest = match compression {
        LayerCompression::None => diff_id.clone(),
        // Newer versions of Docker name the file by its digest; verified like all others while it is read.
        _ => match name.strip_prefix("blobs/sha256/").map(Digest::from_sha256_hex) {
            Some(Ok(digest)) => digest,
            _ => hash(&section).map_err(failed)?,
        },
    };
    Ok((Descriptor::new(kind, digest, section.place.size), section))
}

fn hash(section: &Section) -> std::io::Result<Digest> {
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    let mut reader = section.reader();
    let mut piece = vec![0; 256 << 10];
    loop {
        let count = reader.read(&mut piece)?;
        if count == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&piece[..count]);
    }
}

/// Whether a name stays beneath its directory when it is joined to it.
fn is_plain(name: &str) -> bool {
    !name.contains('\\')
        && !name.contains(':')
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
