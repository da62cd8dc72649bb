//! Machines.

use serde::{Deserialize, Serialize};

/// A row of the list of machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct MachineRow {
    /// Its name.
    pub name: String,
    /// `stopped`, `starting`, `running`, `degraded`, `paused`, `unresponsive`, `broken`.
    pub state: String,
    /// Why the state is not a good one.
    pub problem: Option<String>,
    /// Whether commands without a connection go to it.
    pub default: bool,
    /// What runs it: `qemu`, …
    pub provider: String,
    /// Virtual processors.
    pub cpus: u32,
    /// Bytes.
    pub memory: u64,
    /// Bytes.
    pub disk: u64,
    /// When it was last seen running (RFC 3339); empty is never.
    pub last_up: String,
}

#[cfg(unix)]
impl From<cove_machine::MachineSummary> for MachineRow {
    fn from(summary: cove_machine::MachineSummary) -> Self {
        Self {
            name: summary.name,
            state: summary.state.as_str().to_owned(),
            problem: summary.error,
            default: summary.default,
            provider: summary.vm_type,
            cpus: summary.cpus,
            memory: summary.memory,
            disk: summary.disk_size,
            last_up: summary.last_up,
        }
    }
}
