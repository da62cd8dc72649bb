//! An image in the making.

use std::collections::BTreeMap;

use cove_api::{ImageConfig, ImageHistory, Result, Timestamp};
use cove_storage::Layer;
use serde_json::{Map, Value};

use crate::engine::Core;
use crate::error::storage;
use crate::image::lookup;

/// What a stage has come to.
#[derive(Debug, Clone, Default)]
pub(super) struct ImageState {
    /// The image it is saved as; [`None`] for nothing yet.
    pub(super) id: Option<String>,
    /// The name of the image it was made from.
    pub(super) base: String,
    /// The configuration document, but for what is said anew.
    pub(super) document: Map<String, Value>,
    /// The part for the run time.
    pub(super) config: ImageConfig,
    /// Its layers, the lowest first.
    pub(super) layers: Vec<Layer>,
    /// How it was made.
    pub(super) history: Vec<ImageHistory>,
    /// Who made it.
    pub(super) author: String,
    /// Annotations of the manifest that the base has.
    pub(super) annotations: BTreeMap<String, String>,
    /// The build has set a command.
    pub(super) own_command: bool,
    /// Steps of the history that are the base's.
    pub(super) base_steps: usize,
}

impl ImageState {
    /// Whether the build has made a step already.
    pub(super) fn own_steps(&self) -> bool {
        self.history.len() > self.base_steps
    }

    /// When it was made, as far as it says so.
    pub(super) fn created(&self) -> Option<Timestamp> {
        self.document.get("created")?.as_str()?.parse().ok()
    }

    /// What an image of the store is.
    pub(super) fn of(core: &Core, id: &str, base: &str) -> Result<Self> {
        let store = core.store()?;
        let image = store.image(id).map_err(storage)?;
        let parsed = lookup::document(core, &image)?;
        let text = lookup::document_text(core, &image)?;
        let document = serde_json::from_slice(&text).map_err(|error| {
            cove_api::Error::internal(format!("the configuration of image {id} is damaged: {error}"))
        })?;
        let mut layers = match image.top_layer() {
            Some(top) => store.layer_chain(top).map_err(storage)?,
            None => Vec::new(),
        };
        layers.reverse();
        Ok(Self {
            annotations: annotations(&store.image_data(&image.id, "manifest").map_err(storage)?),
            id: Some(image.id.clone()),
            base: base.to_owned(),
            config: parsed.config(),
            base_steps: parsed.history.len(),
            history: parsed.history,
            author: parsed.author,
            document,
            layers,
            own_command: false,
        })
    }
}

/// Those of a manifest.
fn annotations(manifest: &[u8]) -> BTreeMap<String, String> {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Annotated {
        annotations: BTreeMap<String, String>,
    }
    serde_json::from_slice::<Annotated>(manifest).unwrap_or_default().annotations
}
