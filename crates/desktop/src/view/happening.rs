//! What has happened in the engine.

use cove_api::Event;
use serde::{Deserialize, Serialize};

use crate::collection::Row;

/// An event of the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct HappeningRow {
    /// Its number; later ones have higher ones.
    pub id: u32,
    /// Milliseconds since the epoch.
    pub time: i64,
    /// What it happened to: `container`, `image`, …
    pub kind: String,
    /// What happened: `start`, `died`, …
    pub action: String,
    /// The object's id.
    pub object: String,
    /// The object's name, where the engine tells.
    pub name: String,
    /// The exit code of what has ended, where the engine tells; else empty.
    pub code: String,
}

impl HappeningRow {
    /// The row of an event under a number.
    pub(crate) fn new(id: u32, event: &Event) -> Self {
        Self {
            id,
            time: event.time_nano / 1_000_000,
            kind: event.kind.clone(),
            action: event.action.clone(),
            object: event.actor.id.clone(),
            name: event.attribute("name").to_owned(),
            code: event.attribute("containerExitCode").to_owned(),
        }
    }
}

impl Row for HappeningRow {
    type Key = u32;
    fn key(&self) -> &u32 {
        &self.id
    }
}
