//! All about an image, and its history.

use cove_api::{Error, GraphDriver, ImageDocuments, ImageHistoryRow, ImageInspect, Result, StringMap};
use cove_registry::manifest::media_type;
use serde::Deserialize;

use crate::engine::Core;
use crate::error::storage;
use crate::image::{list, lists, lookup};

/// The part of a manifest that is shown.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Manifest {
    media_type: String,
    annotations: Option<StringMap>,
    config: ConfigReference,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ConfigReference {
    media_type: String,
}

/// The documents that one is made of, as they came.
pub(super) fn documents(core: &Core, name: &str) -> Result<ImageDocuments> {
    let found = lists::stored_image(core, name)?;
    let image = lookup::find_image(core, &found.id, [""; 3])?.image;
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes)
            .map_err(|_| Error::internal(format!("a document of image {} is damaged", image.id)))
    };
    Ok(ImageDocuments {
        name: found.names.first().cloned().unwrap_or_default(),
        manifest: text(core.store()?.image_data(&image.id, "manifest").map_err(storage)?)?,
        config: text(lookup::document_text(core, &image)?)?,
    })
}

/// All about one.
pub(super) fn inspect(core: &Core, name: &str) -> Result<ImageInspect> {
    let image = lookup::find_image(core, name, [""; 3])?.image;
    let store = core.store()?;
    let document = lookup::document(core, &image)?;
    let bytes = store.image_data(&image.id, "manifest").map_err(storage)?;
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| {
        Error::internal(format!("the manifest of image {} is damaged: {error}", image.id))
    })?;
    let manifest_type = if !manifest.media_type.is_empty() {
        manifest.media_type
    } else if manifest.config.media_type == media_type::DOCKER_CONFIG {
        media_type::DOCKER_MANIFEST.to_owned()
    } else {
        media_type::OCI_MANIFEST.to_owned()
    };
    let comment = if manifest_type == media_type::OCI_MANIFEST {
        document.history.first().map(|step| step.comment.clone()).unwrap_or_default()
    } else {
        document.comment.clone()
    };
    let config = document.config();
    let size = i64::try_from(store.image_size(&image.id).map_err(storage)?).unwrap_or(i64::MAX);
    let images = store.images().map_err(storage)?;
    let parent = list::Family::find(core, &images)?.parent(&image.id).unwrap_or_default().to_owned();
    Ok(ImageInspect {
        digest: image.digest.clone(),
        repo_tags: image.names.iter().filter(|name| !name.contains('@')).cloned().collect(),
        repo_digests: list::repo_digests(&image),
        parent,
        comment,
        created: Some(document.created.unwrap_or(image.created)),
        version: document.docker_version.clone(),
        author: document.author.clone(),
        architecture: document.architecture.clone(),
        os: document.os.clone(),
        size,
        virtual_size: size,
        graph_driver: graph_driver(core, &image)?,
        root_fs: document.root_fs(),
        labels: config.labels.clone(),
        annotations: manifest.annotations.unwrap_or_default(),
        manifest_type,
        user: config.user.clone(),
        history: document.history.clone(),
        names_history: image.names_history.clone(),
        healthcheck: config.healthcheck.clone(),
        config,
        id: image.id,
    })
}

fn graph_driver(core: &Core, image: &cove_storage::Image) -> Result<GraphDriver> {
    let store = core.store()?;
    let mut data = StringMap::new();
    let driver = store.driver().name();
    if driver == "overlay" {
        let layers = store.image_layers(&image.id).map_err(storage)?;
        let base = store.graph_root().join(driver);
        let path = |id: &str, part: &str| base.join(id).join(part).to_string_lossy().into_owned();
        if let Some((top, below)) = layers.split_last() {
            data.insert("UpperDir".into(), path(&top.id, "diff"));
            data.insert("WorkDir".into(), path(&top.id, "work"));
            if !below.is_empty() {
                let lower: Vec<String> = below.iter().rev().map(|layer| path(&layer.id, "diff")).collect();
                data.insert("LowerDir".into(), lower.join(":"));
            }
        }
    }
    Ok(GraphDriver { name: driver.into(), data })
}

/// Its history, newest step first.
pub(super) fn history(core: &Core, name: &str) -> Result<Vec<ImageHistoryRow>> {
    let image = lookup::find_image(core, name, [""; 3])?.image;
    let store = core.store()?;
    let document = lookup::document(core, &image)?;
    let mut layers = store.image_layers(&image.id).map_err(storage)?;
    let images = store.images().map_err(storage)?;
    let mut used = std::collections::HashSet::new();
    let mut rows = Vec::new();
    for step in document.history.iter().rev() {
        let mut row = ImageHistoryRow {
            id: "<missing>".into(),
            created: step.created.map(|time| time.as_second()).unwrap_or_default(),
            created_by: step.created_by.clone(),
            comment: step.comment.clone(),
            ..ImageHistoryRow::default()
        };
        if let Some(layer) = layers.last() {
            // The image asked for first, where several end with this layer.
            let mut ending: Vec<_> =
                images.iter().filter(|other| other.top_layer() == Some(layer.id.as_str())).collect();
            ending.sort_by_key(|other| other.id != image.id);
            if let Some(first) = ending.first()
                && used.insert(first.id.clone())
            {
                row.id.clone_from(&first.id);
                row.tags = ending.iter().flat_map(|other| other.names.clone()).collect();
            }
        }
        if !step.empty_layer {
            row.size = layers.pop().map(|layer| layer.diff_size).unwrap_or_default();
        }
        rows.push(row);
    }
    Ok(rows)
}
