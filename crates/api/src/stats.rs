//! What running containers use.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::query;

/// Options of [`crate::Containers::stats`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatsOptions {
    /// Also containers that do not run.
    #[serde(default)]
    pub all: bool,
    /// Go on with further samples.
    #[serde(default = "yes")]
    pub stream: bool,
    /// Seconds between two samples.
    #[serde(default = "five")]
    pub interval: u32,
    /// Names or ids; none of them means all that run.
    #[serde(default, deserialize_with = "query::commas")]
    pub containers: Vec<String>,
}

/// What the service takes where a request does not say it.
fn yes() -> bool {
    true
}

/// What the service takes where a request does not say it.
fn five() -> u32 {
    5
}

impl Default for StatsOptions {
    fn default() -> Self {
        Self { all: false, stream: false, interval: five(), containers: Vec::new() }
    }
}

/// Counters of a container at one moment. JSON: libpod's `ContainerStats`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ContainerStats {
    /// Per cent of one CPU since the container's start.
    #[serde(rename = "AvgCPU")]
    pub average_cpu: f64,
    /// The whole id.
    #[serde(rename = "ContainerID")]
    pub container_id: String,
    /// The name.
    #[serde(rename = "Name")]
    pub name: String,
    /// Per cent of one CPU since the sample before, at first since the container's start.
    #[serde(rename = "CPU")]
    pub cpu: f64,
    /// CPU time, nanoseconds.
    #[serde(rename = "CPUNano")]
    pub cpu_ns: u64,
    /// The part of it spent in the kernel, nanoseconds.
    #[serde(rename = "CPUSystemNano")]
    pub cpu_system_ns: u64,
    /// When the sample was taken, nanoseconds since 1970.
    #[serde(rename = "SystemNano")]
    pub system_ns: u64,
    /// Memory in use, bytes.
    #[serde(rename = "MemUsage")]
    pub memory: u64,
    /// The limit, bytes: the container's or the machine's.
    #[serde(rename = "MemLimit")]
    pub memory_limit: u64,
    /// The one of the other.
    #[serde(rename = "MemPerc")]
    pub memory_percent: f64,
    /// By interface, without `lo`.
    #[serde(rename = "Network")]
    pub network: BTreeMap<String, InterfaceStats>,
    /// Read from block devices, bytes.
    #[serde(rename = "BlockInput")]
    pub block_input: u64,
    /// Written to block devices, bytes.
    #[serde(rename = "BlockOutput")]
    pub block_output: u64,
    /// Processes and threads.
    #[serde(rename = "PIDs")]
    pub pids: u64,
    /// CPU time, nanoseconds.
    #[serde(rename = "UpTime")]
    pub up_time: u64,
    /// CPU time, nanoseconds.
    #[serde(rename = "Duration")]
    pub duration: u64,
    /// What this machine does not tell (`io`); its numbers are 0.
    #[serde(rename = "Unknown", skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// Counters of a network interface. JSON: libpod's `ContainerNetworkStats`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names say it")]
pub struct InterfaceStats {
    pub rx_bytes: u64,
    pub rx_dropped: u64,
    pub rx_errors: u64,
    pub rx_packets: u64,
    pub tx_bytes: u64,
    pub tx_dropped: u64,
    pub tx_errors: u64,
    pub tx_packets: u64,
}
