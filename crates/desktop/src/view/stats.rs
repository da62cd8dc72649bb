//! What a container uses.

use cove_api::ContainerStats;
use serde::{Deserialize, Serialize};

/// What a container uses at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct StatsSample {
    /// Milliseconds since the epoch.
    pub time: u64,
    /// Per cent of one processor.
    pub cpu: f64,
    /// Bytes of memory.
    pub memory: u64,
    /// The limit in bytes: the container's or the host's.
    pub memory_limit: u64,
    /// Bytes received since the start.
    pub received: u64,
    /// Bytes sent since the start.
    pub sent: u64,
    /// Bytes read from disks since the start.
    pub read: u64,
    /// Bytes written to disks since the start.
    pub written: u64,
    /// Processes and threads.
    pub pids: u64,
}

impl From<ContainerStats> for StatsSample {
    fn from(stats: ContainerStats) -> Self {
        let network = stats.network.values();
        let (received, sent) = network.fold((0_u64, 0_u64), |(received, sent), one| {
            (received.saturating_add(one.rx_bytes), sent.saturating_add(one.tx_bytes))
        });
        Self {
            time: stats.system_ns / 1_000_000,
            cpu: stats.cpu,
            memory: stats.memory,
            memory_limit: stats.memory_limit,
            received,
            sent,
            read: stats.block_input,
            written: stats.block_output,
            pids: stats.pids,
        }
    }
}
