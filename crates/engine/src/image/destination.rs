//! The store as a place that images are copied to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cove_registry::manifest::ManifestFormat;
use cove_registry::{
    BlobStream, Error, FinishedImage, ImageDestination, Layer, Result, StoredLayer, read_blocking,
};
use cove_storage::{Digest, Expectations, ImageOptions, LayerCommit, StagedLayer, StorageError, layer_id};

use crate::engine::Core;
use crate::lock::ObjectLock;

/// Between looks at a layer that somebody else fetches.
const PAUSE: Duration = Duration::from_millis(50);
/// How often in a row a lock may be neither held nor made.
const MOST_NAMELESS: u32 = 3;

/// Puts one image into the store. Layers are unpacked in parallel and become visible together at the end; what was
/// unpacked goes away when this is dropped before.
///
/// Who fetches a layer holds its lock until the image is there, so that another pull of the same layers, in whatever
/// process, waits and finds them. Locks are taken in the order of the layers, each with all below it: nobody waits for
/// a layer beneath one that he holds.
pub(super) struct StoreDestination {
    core: Arc<Core>,
    state: Arc<Mutex<State>>,
    /// Of the manifest; empty for any.
    formats: Vec<ManifestFormat>,
    fetching: tokio::sync::Mutex<Vec<ObjectLock>>,
}

#[derive(Default)]
struct State {
    /// Diff ids by position, as the copy loop names them.
    diff_ids: HashMap<usize, Digest>,
    staged: HashMap<usize, StagedLayer>,
}

impl StoreDestination {
    pub(super) fn new(core: &Arc<Core>) -> Self {
        Self {
            core: Arc::clone(core),
            state: Arc::default(),
            formats: Vec::new(),
            fetching: tokio::sync::Mutex::default(),
        }
    }

    /// The same, with the manifest in this family; [`None`] keeps it.
    pub(super) fn with_format(mut self, format: Option<ManifestFormat>) -> Self {
        self.formats = format.into_iter().collect();
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn has(&self, id: &str) -> Result<bool> {
        let (core, id) = (Arc::clone(&self.core), id.to_owned());
        tokio::task::spawn_blocking(move || -> Result<bool> {
            let store = core.store().map_err(Error::external)?;
            Ok(store.find_layer(&id).map_err(storage_failed)?.is_some())
        })
        .await
        .map_err(Error::external)?
    }

    /// Waits until nobody else fetches a layer.
    async fn turn(&self, id: &str) -> Result<Turn> {
        let folder = self.core.options.run_dir().join("locks");
        crate::state::make_private(&folder)
            .map_err(|error| Error::io(folder.display().to_string(), error))?;
        let name = format!("layer.{id}");
        let (mut told, mut nameless) = (false, 0);
        loop {
            let lock = ObjectLock::try_acquire(&folder, &name);
            if self.has(id).await? {
                lock.into_iter().for_each(ObjectLock::remove);
                return Ok(Turn::Brought);
            }
            // Where no file can be made there is none to wait for; one that is just removed is no such place.
            nameless = if lock.is_none() && !folder.join(&name).exists() { nameless + 1 } else { 0 };
            if lock.is_some() || nameless > MOST_NAMELESS {
                return Ok(Turn::Ours(lock));
            }
            if !told {
                tracing::info!(layer = id, "another pull fetches the layer: waiting for it");
                told = true;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Drop for StoreDestination {
    fn drop(&mut self) {
        self.fetching.get_mut().drain(..).for_each(ObjectLock::remove);
    }
}

/// Who fetches a layer.
enum Turn {
    /// Somebody else has.
    Brought,
    /// This one does, with the lock where there can be one.
    Ours(Option<ObjectLock>),
}

fn storage_failed(error: StorageError) -> Error {
    Error::external(crate::error::storage(error))
}

/// The copy loop lets nothing but images come here.
fn diff_id<'a>(layer: &Layer<'a>) -> Result<&'a Digest> {
    layer.diff_id.ok_or_else(|| {
        Error::external(cove_api::Error::internal(format!(
            "layer {} has no digest of its plain tar",
            layer.descriptor.digest
        )))
    })
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
        &self.formats
    }

    async fn try_reuse(&self, layer: &Layer<'_>) -> Result<Option<StoredLayer>> {
        // The loop asks in the order of the layers, so those below are known.
        let id = {
            let mut state = self.state();
            state.diff_ids.insert(layer.index, diff_id(layer)?.clone());
            chain_id(&state, layer.index)
        };
        let Some(id) = id else { return Ok(None) };
        // Waits for those of the layers below, which have asked before.
        let mut fetching = self.fetching.lock().await;
        let reused = || Ok(Some(StoredLayer { descriptor: layer.descriptor.clone() }));
        if self.has(&id).await? {
            return reused();
        }
        match self.turn(&id).await? {
            Turn::Brought => reused(),
            Turn::Ours(lock) => {
                fetching.extend(lock);
                Ok(None)
            }
        }
    }

    async fn put_layer(&self, layer: &Layer<'_>, data: BlobStream) -> Result<StoredLayer> {
        let core = Arc::clone(&self.core);
        let state = Arc::clone(&self.state);
        let index = layer.index;
        let expectations = Expectations { diff_id: Some(diff_id(layer)?.clone()), ..Expectations::default() };
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
        let done = tokio::task::spawn_blocking(move || commit_blocking(&core, staged, &image)).await;
        self.fetching.lock().await.drain(..).for_each(ObjectLock::remove);
        done.map_err(Error::external)?
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
