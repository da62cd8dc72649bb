//! Making an image of one layer from a tar of a file system.

use cove_api::{Error, ImageConfig, ImportOptions, Result, Timestamp};
use cove_registry::manifest::{Descriptor, LayerCompression, ManifestFormat, layer_media_type, media_type};
use cove_registry::{ImageManifest, Platform};
use cove_storage::{Compression, Expectations, ImageOptions, LayerCommit};
use serde_json::json;

use crate::engine::Core;
use crate::error::storage;
use crate::image::names;

/// Makes the image and answers its id. Blocks.
pub(super) fn import(
    core: &Core,
    archive: impl std::io::Read + Send,
    options: &ImportOptions,
) -> Result<String> {
    let mut config = ImageConfig::default();
    cove_spec::change::apply(&mut config, &options.changes)?;
    let reference =
        if options.reference.is_empty() { None } else { Some(names::normalize(&options.reference)?) };
    let store = core.store()?;
    let expectations = Expectations { hash_compressed: true, ..Expectations::default() };
    let staged = store.stage_layer(archive, &expectations).map_err(storage)?;
    let extracted = staged.extracted();
    let diff_id = extracted.diff_id.clone();
    let as_it_came = extracted.compressed_digest.clone().unwrap_or_else(|| diff_id.clone());
    let (compression, digest, size) = match extracted.compression {
        Compression::None => (LayerCompression::None, as_it_came, extracted.compressed_size),
        Compression::Gzip => (LayerCompression::Gzip, as_it_came, extracted.compressed_size),
        Compression::Zstd => (LayerCompression::Zstd, as_it_came, extracted.compressed_size),
        // Manifests have no media type for these: the layer is known by its plain tar alone.
        Compression::Xz | Compression::Bzip2 => {
            (LayerCompression::None, diff_id.clone(), extracted.diff_size)
        }
    };
    let host = Platform::host();
    let pick = |given: &str, own: &str| if given.is_empty() { own.to_owned() } else { given.to_owned() };
    let variant = if options.arch.is_empty() && options.variant.is_empty() {
        host.variant.clone()
    } else {
        options.variant.clone()
    };
    let now = Timestamp::now();
    let mut document = json!({
        "created": now,
        "architecture": pick(&options.arch, &host.architecture),
        "os": pick(&options.os, &host.os),
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [diff_id.to_string()]},
        "history": [{
            "created": now,
            "created_by": format!("/bin/sh -c #(nop) ADD file:{} in / ", digest.hex()),
            "comment": options.message,
        }],
    });
    if !variant.is_empty() {
        document["variant"] = json!(variant);
    }
    let document = serde_json::to_vec(&document).map_err(|error| Error::internal(error.to_string()))?;
    let config = Descriptor::of(media_type::OCI_CONFIG, &document);
    let id = config.digest.hex().to_owned();
    let layer = Descriptor::new(layer_media_type(ManifestFormat::Oci, compression), digest.clone(), size);
    let manifest = ImageManifest::build(ManifestFormat::Oci, config.clone(), vec![layer]).to_raw();
    let committed = store
        .commit_layer(LayerCommit {
            staged,
            id: None,
            parent: None,
            compressed_digest: Some(digest),
            compressed_size: Some(size),
        })
        .map_err(storage)?;
    let manifest_digest = manifest.digest();
    store
        .create_image(ImageOptions {
            id: id.clone(),
            names: reference.iter().map(ToString::to_string).collect(),
            top_layer: Some(committed.id),
            created: Some(now),
            metadata: "{}".into(),
            data: vec![
                ("manifest".into(), manifest.bytes.to_vec()),
                (format!("manifest-{manifest_digest}"), manifest.bytes.to_vec()),
                (config.digest.to_string(), document),
            ],
            digest: Some(manifest_digest),
        })
        .map_err(storage)?;
    let shown = reference.map_or_else(|| id.clone(), |reference| reference.to_string());
    core.events.write("image", "import", &id, [("name".to_owned(), shown)].into());
    Ok(id)
}
