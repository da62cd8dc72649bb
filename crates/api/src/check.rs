//! Looking for damage in the store. JSON: libpod's.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::StringMap;

/// What is looked at, and what becomes of damage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SystemCheckOptions {
    /// Leave out what takes long: the contents of layers.
    pub quick: bool,
    /// Remove damaged images and layers.
    pub repair: bool,
    /// Also remove damaged containers.
    pub repair_lossy: bool,
    /// How old a layer may be that nothing needs, such as `24h`; empty is a day.
    pub unreferenced_layer_max_age: String,
}

/// What is wrong with each object, by its id, and what was removed. JSON: libpod's `SystemCheckReport`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct SystemCheckReport {
    /// Something is wrong.
    pub errors: bool,
    /// Layers.
    pub layers: BTreeMap<String, Vec<String>>,
    /// Layers of stores that are only read.
    #[serde(rename = "ROLayers")]
    pub read_only_layers: BTreeMap<String, Vec<String>>,
    /// Layers that are gone now.
    pub removed_layers: Vec<String>,
    /// Images.
    pub images: BTreeMap<String, Vec<String>>,
    /// Images of stores that are only read.
    #[serde(rename = "ROImages")]
    pub read_only_images: BTreeMap<String, Vec<String>>,
    /// Images that are gone now, with their names.
    pub removed_images: BTreeMap<String, Vec<String>>,
    /// Containers.
    pub containers: BTreeMap<String, Vec<String>>,
    /// Containers that are gone now, with their name.
    pub removed_containers: StringMap,
}
