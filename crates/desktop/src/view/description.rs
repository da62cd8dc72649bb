//! All about one object, whatever it is.

use serde::{Deserialize, Serialize};

use super::KeyValue;

/// An object by its id and its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ObjectName {
    /// The whole id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What else is to be said: an address, a state.
    pub note: String,
}

/// All about one object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// The containers that use it or belong to it.
    pub containers: Vec<ObjectName>,
    /// Its labels.
    pub labels: Vec<KeyValue>,
    /// Its options.
    pub options: Vec<KeyValue>,
    /// All that `inspect` tells, as indented JSON.
    pub json: String,
}

/// The pairs of a map.
pub(crate) fn pairs(map: cove_api::StringMap) -> Vec<KeyValue> {
    map.into_iter().map(|(key, value)| KeyValue { key, value }).collect()
}

/// A value as indented JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
