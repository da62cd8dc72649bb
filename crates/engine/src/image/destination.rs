//! The store as a place that images are copied to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cove_registry::manifest::ManifestFormat;
use cove_registry::{
    BlobStream, Error, FinishedImage, ImageDestination, Layer, Result, StoredLayer, read_blocking,
};
use cove_storage::{Digest, Expectations, ImageOptions, LayerCommit, StagedLayer, StorageError, layer_id};

use crate::engine::Core;

/// Puts one image into the store. Layers are unpacked in parallel and become visible together at the end; what was
/// unpacked goes away when this is dropped before.
pub(super) struct StoreDestination {
    core: Arc<Core>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Diff ids by position, as the copy loop names them.
    diff_ids: HashMap<usize, Digest>,
    staged: HashMap<usize, StagedLayer>,
}

impl StoreDestination {
    pub(super) fn new(core: &Arc<Core>) -> Self {
        Self { core: Arc::clone(core), state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn storage_failed(error: StorageError) -> Error {
    Error::external(crate::error::storage(error))
}

/// The id of the layer at `index`, once all diff ids up to it are known.
fn chain_id(state: &State, index: usize) -> Option<String> {
    let mut parent: Option<String> = None;
    for position in 0..=index {
        parent = Some(layer_id(parent.as_deref(), state.diff_ids.get(&position)?));
    }
    parent
}

#[async_trait]
impl ImageDestination for StoreDestination {
    fn formats(&self) -> &[ManifestFormat] {
        &[]
    }

    async fn try_reuse(&self, layer: &Layer<'_>) -> Result<Option<StoredLayer>> {
        // The loop asks in the order of the layers, so those below are known.
        let id = {
            let mut state = self.state();
            state.diff_ids.insert(layer.index, layer.diff_id.clone());
            chain_id(&state, layer.index)
        };
        let Some(id) = id else { return Ok(None) };
        let core = Arc::clone(&self.core);
        let found = tokio::task::spawn_blocking(move || -> Result<bool> {
            let store = core.store().map_err(Error::external)?;
            Ok(store.find_layer(&id).map_err(storage_failed)?.is_some())
        })
        .await
        .map_err(Error::external)??;
        Ok(found.then(|| StoredLayer { descriptor: layer.descriptor.clone() }))
    }

    async fn put_layer(&self, layer: &Layer<'_>, data: BlobStream) -> Result<StoredLayer> {
        let core = Arc::clone(&self.core);
        let state = Arc::clone(&self.state);
        let index = layer.index;
        let expectations = Expectations { diff_id: Some(layer.diff_id.clone()), ..Expectations::default() };
        read_blocking(data, move |reader| -> Result<()> {
            let store = core.store().map_err(Error::external)?;
            let staged = store.stage_layer(reader, &expectations).map_err(storage_failed)?;
            state.lock().unwrap_or_else(PoisonError::into_inner).staged.insert(index, staged);
            Ok(())
        })
        .await?;
        Ok(StoredLayer { descriptor: layer.descriptor.clone() })
    }

    async fn commit(&self, image: FinishedImage) -> Result<()> {
        let staged = std::mem::take(&mut self.state().staged);
        let core = Arc::clone(&self.core);
        tokio::task::spawn_blocking(move || commit_blocking(&core, staged, &image))
            .await
            .map_err(Error::external)?
    }
}

fn image_options(image: &FinishedImage, top_layer: Option<String>) -> ImageOptions {
    let digest = image.manifest.digest();
    let config = &image.parsed.config;
    let mut data = vec![
        ("manifest".to_owned(), image.manifest.bytes.to_vec()),
        (format!("manifest-{digest}"), image.manifest.bytes.to_vec()),
        (config.digest.to_string(), image.config.to_vec()),
    ];
    if let Some(index) = &image.index {
        data.push((format!("manifest-{}", index.digest()), index.bytes.to_vec()));
    }
    let created = serde_json::from_slice::<crate::image::lookup::Document>(&image.config)
        .ok()
        .and_then(|document| document.created);
    ImageOptions {
        id: config.digest.hex().to_owned(),
        names: image.names.iter().map(ToString::to_string).collect(),
        top_layer,
        digest: Some(digest),
        created,
        metadata: "{}".into(),
        data,
    }
}

fn commit_blocking(
    core: &Core,
    mut staged: HashMap<usize, StagedLayer>,
    image: &FinishedImage,
) -> Result<()> {
    let store = core.store().map_err(Error::external)?;
    let mut commits = Vec::new();
    let mut parent: Option<String> = None;
    let layers = image.parsed_config.diff_ids().iter().zip(&image.parsed.layers);
    for (index, (diff_id, descriptor)) in layers.enumerate() {
        let id = layer_id(parent.as_deref(), diff_id);
        if let Some(staged) = staged.remove(&index) {
            commits.push(LayerCommit {
                staged,
                id: Some(id.clone()),
                parent: parent.clone(),
                compressed_digest: Some(descriptor.digest.clone()),
                compressed_size: Some(descriptor.size),
            });
        }
        parent = Some(id);
    }
    store.commit_layers(commits).map_err(storage_failed)?;
    store.create_image(image_options(image, parent)).map_err(storage_failed)?;
    Ok(())
}
