//! A checkpoint as an image: its archive is the one layer, and annotations say what it was made of.

use std::fs::File;

use cove_api::{Error, Result, StringMap, Timestamp};
use cove_registry::manifest::{Descriptor, LayerCompression, ManifestFormat, layer_media_type, media_type};
use cove_registry::{ImageManifest, Platform, Reference};
use cove_storage::{Expectations, ImageOptions, LayerCommit};
use cove_sys::program::CRIU;
use serde_json::json;

use crate::engine::Core;
use crate::error::storage;
use crate::state::ContainerRow;

/// What the annotations begin with.
const ANNOTATION: &str = "io.podman.annotations.checkpoint";

/// The annotation that every image of a checkpoint has.
pub(super) fn mark() -> String {
    format!("{ANNOTATION}.name")
}

/// Makes the image.
pub(super) fn make(core: &Core, row: &ContainerRow, name: &Reference, archive: File) -> Result<()> {
    let store = core.store()?;
    let staged = store.stage_layer(archive, &Expectations::default()).map_err(storage)?;
    let (diff_id, size) = (staged.extracted().diff_id.clone(), staged.extracted().diff_size);
    let (now, host) = (Timestamp::now(), Platform::host());
    let document = json!({
        "created": now,
        "architecture": host.architecture,
        "os": host.os,
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [diff_id.to_string()]},
        "history": [{"created": now, "comment": format!("checkpoint of {}", row.name)}],
    });
    let document = serde_json::to_vec(&document).map_err(|error| Error::internal(error.to_string()))?;
    let config = Descriptor::of(media_type::OCI_CONFIG, &document);
    let id = config.digest.hex().to_owned();
    let layer = Descriptor::new(layer_media_type(ManifestFormat::Oci, LayerCompression::None), diff_id, size);
    let manifest = ImageManifest::build(ManifestFormat::Oci, config.clone(), vec![layer])
        .with_annotations(&annotations(core, row)?)
        .to_raw();
    let layer =
        LayerCommit { staged, id: None, parent: None, compressed_digest: None, compressed_size: None };
    let layer = store.commit_layer(layer).map_err(storage)?;
    let digest = manifest.digest();
    store
        .create_image(ImageOptions {
            id,
            names: vec![name.to_string()],
            top_layer: Some(layer.id),
            created: Some(now),
            metadata: "{}".into(),
            data: vec![
                ("manifest".into(), manifest.bytes.to_vec()),
                (format!("manifest-{digest}"), manifest.bytes.to_vec()),
                (config.digest.to_string(), document),
            ],
            digest: Some(digest),
        })
        .map_err(storage)?;
    Ok(())
}

/// What Podman notes of the container and its host, for who restores it on another.
fn annotations(core: &Core, row: &ContainerRow) -> Result<StringMap> {
    let image = &row.config.image;
    let host = crate::system::facts(core);
    let text =
        |pointer: &str| host.pointer(pointer).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let criu =
        CRIU.find(&core.helper_dirs(), core.options.path.as_deref()).ok().and_then(|criu| criu.version());
    // CRIU's own way to write a version as one number.
    let criu = criu.map(|[major, minor, third]| (major * 10_000 + minor * 100 + third).to_string());
    let runtime = core.oci_runtime(&row.config.runtime)?;
    let notes = [
        ("name", row.name.clone()),
        ("rawImageName", core.database()?.request(&row.id)?.raw_image_name),
        ("rootfsImageID", image.id.clone()),
        ("rootfsImageName", image.name.clone()),
        ("podman.version", text("/conmon/version")),
        ("criu.version", criu.unwrap_or_default()),
        ("runtime.name", runtime.name),
        ("runtime.version", crate::system::program_version(&runtime.path)),
        ("conmon.version", text("/conmon/version")),
        ("host.arch", text("/arch")),
        ("host.kernel", text("/kernel")),
        ("cgroups.version", text("/cgroupVersion")),
        ("distribution.version", text("/distribution/version")),
        ("distribution.name", text("/distribution/distribution")),
    ];
    Ok(notes.into_iter().map(|(name, value)| (format!("{ANNOTATION}.{name}"), value)).collect())
}
