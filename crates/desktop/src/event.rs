//! What a screen is told.

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::kinds::Change;
use crate::view::{Connection, FileRow, Health, MachineRow, ProcessRow, Snapshot, StatsSample};

/// A line of a log: a container's, or a task's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// Milliseconds since the epoch.
    pub time: i64,
    /// Whether it came from standard error.
    pub error: bool,
    /// Which of several containers it is from, in their order; 0 of one alone.
    pub source: u16,
    /// The text; what is no UTF-8 is replaced, escape sequences are left in.
    pub text: String,
}

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// Forget everything: this is how it is now.
    Snapshot {
        /// Everything.
        snapshot: Box<Snapshot>,
    },
    /// The engines that can be chosen.
    Connections {
        /// All of them.
        connections: Vec<Connection>,
    },
    /// The state of the current one.
    Health {
        /// It.
        health: Health,
    },
    /// Rows came, changed or went.
    Rows {
        /// Those of one kind.
        change: Change,
    },
    /// The machines.
    Machines {
        /// All of them.
        machines: Vec<MachineRow>,
        /// Why they cannot be listed or used here.
        problem: Option<String>,
    },
    /// Lines of a log.
    Log {
        /// Whose.
        subscription: u32,
        /// The lines.
        lines: Vec<LogEntry>,
    },
    /// What a terminal shows next.
    Terminal {
        /// Whose.
        subscription: u32,
        /// The bytes, in base64.
        data: String,
    },
    /// What a container uses at one moment.
    Stats {
        /// Whose.
        subscription: u32,
        /// How much.
        sample: StatsSample,
    },
    /// The processes of a container at one moment.
    Processes {
        /// Whose.
        subscription: u32,
        /// All of them.
        processes: Vec<ProcessRow>,
    },
    /// More of what is in a volume.
    Files {
        /// Whose.
        subscription: u32,
        /// In the order of the volume's archive.
        files: Vec<FileRow>,
    },
    /// A subscription has ended: there is nothing more, or it cannot be read on.
    End {
        /// Whose.
        subscription: u32,
        /// The exit code of what a terminal showed.
        code: Option<i32>,
        /// Why it cannot be read on.
        failure: Option<Failure>,
    },
}
