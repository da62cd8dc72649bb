//! Connections and the state of the current one.

use serde::{Deserialize, Serialize};

use super::MachineRow;
use crate::kinds::Rows;

/// Where an engine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum ConnectionKind {
    /// On this host.
    Native,
    /// In a machine.
    Machine,
    /// Behind an address the user gave.
    Remote,
}

/// An engine that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// `native`, `remote` or `machine:NAME`.
    pub id: String,
    /// Its name for people.
    pub label: String,
    /// Where it is.
    pub kind: ConnectionKind,
    /// Whether it can be used at this moment (a stopped machine cannot).
    pub available: bool,
}

/// Whether the engine answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum LinkState {
    /// First attempt.
    #[default]
    Connecting,
    /// It answers and its events arrive.
    Ready,
    /// It does not answer; it is tried again from time to time.
    Lost,
}

/// The state of the current connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// The id of the current connection; empty where there is none to be had.
    pub connection: String,
    /// Whether it answers.
    pub state: LinkState,
    /// Why it does not.
    pub message: Option<String>,
    /// The engine's version.
    pub version: String,
    /// `linux/amd64`.
    pub platform: String,
}

/// Everything at one moment; what a screen begins with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The engines that can be chosen.
    pub connections: Vec<Connection>,
    /// The current one.
    pub health: Health,
    /// Its objects, and the tasks.
    pub rows: Rows,
    /// The machines of this host.
    pub machines: Vec<MachineRow>,
    /// Why machines cannot be listed or used here.
    pub machines_problem: Option<String>,
    /// The folder of this computer where files are put, unless the user says another; empty where none is known.
    pub downloads: String,
}
