//! Limits of containers and of single processes, in the form of the OCI runtime specification.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::StringMap;
use crate::wire::NotDone;

/// A POSIX resource limit; the type is `RLIMIT_NOFILE` and so on, or the short name `nofile`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Rlimit {
    /// The name.
    #[serde(rename = "type")]
    pub kind: String,
    /// Hard limit; `u64::MAX` is unlimited.
    pub hard: u64,
    /// Soft limit.
    pub soft: u64,
}

/// Cgroup limits in the form of the OCI runtime specification (the part that flags can set).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Resources {
    /// Memory limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryLimits>,
    /// CPU limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<CpuLimits>,
    /// Process number limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids: Option<PidsLimit>,
    /// Rules about devices.
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub devices: NotDone<Vec<DeviceCgroup>>,
    /// Limits of block devices.
    #[serde(rename = "blockIO", skip_serializing_if = "Option::is_none")]
    pub block_io: Option<BlockIo>,
    /// Limits of huge pages.
    #[serde(rename = "hugepageLimits", skip_serializing_if = "NotDone::is_absent")]
    pub hugepage_limits: NotDone<Vec<HugepageLimit>>,
    /// Classes of packets.
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub network: NotDone<NetworkClass>,
    /// Limits of remote direct memory access.
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub rdma: NotDone<BTreeMap<String, Rdma>>,
    /// Files of the cgroup.
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub unified: NotDone<Unified>,
}

/// Memory limits, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "named as in the OCI runtime specification")]
pub struct MemoryLimits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation: Option<i64>,
    /// Memory and swap together; -1 is unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swappiness: Option<u64>,
    #[serde(rename = "disableOOMKiller", skip_serializing_if = "Option::is_none")]
    pub disable_oom_killer: Option<bool>,
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub kernel: NotDone<i64>,
    #[serde(rename = "kernelTCP", skip_serializing_if = "NotDone::is_absent")]
    pub kernel_tcp: NotDone<i64>,
    #[serde(rename = "useHierarchy", skip_serializing_if = "NotDone::is_absent")]
    pub use_hierarchy: NotDone<bool>,
    #[serde(rename = "checkBeforeUpdate", skip_serializing_if = "NotDone::is_absent")]
    pub check_before_update: NotDone<bool>,
}

/// CPU limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "named as in the OCI runtime specification")]
pub struct CpuLimits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shares: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<u64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cpus: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mems: String,
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub burst: NotDone<u64>,
    #[serde(rename = "realtimeRuntime", skip_serializing_if = "Option::is_none")]
    pub realtime_runtime: Option<i64>,
    #[serde(rename = "realtimePeriod", skip_serializing_if = "Option::is_none")]
    pub realtime_period: Option<u64>,
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub idle: NotDone<i64>,
}

/// Process number limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PidsLimit {
    /// -1 is unlimited.
    pub limit: i64,
}

/// Cache and memory bandwidth of Intel's processors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the OCI runtime specification")]
pub struct IntelRdt {
    #[serde(rename = "closID")]
    pub clos_id: String,
    pub schemata: Vec<String>,
    #[serde(rename = "l3CacheSchema")]
    pub l3_cache_schema: String,
    pub mem_bw_schema: String,
    pub enable_monitoring: bool,
}

/// A rule about devices of a cgroup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "named as in the OCI runtime specification")]
pub struct DeviceCgroup {
    pub allow: bool,
    #[serde(rename = "type")]
    pub kind: String,
    pub major: Option<i64>,
    pub minor: Option<i64>,
    pub access: String,
}

/// Limits of block devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the OCI runtime specification")]
pub struct BlockIo {
    pub weight: Option<u16>,
    pub leaf_weight: Option<u16>,
    pub weight_device: Vec<WeightDevice>,
    pub throttle_read_bps_device: Vec<ThrottleDevice>,
    pub throttle_write_bps_device: Vec<ThrottleDevice>,
    #[serde(rename = "throttleReadIOPSDevice")]
    pub throttle_read_iops_device: Vec<ThrottleDevice>,
    #[serde(rename = "throttleWriteIOPSDevice")]
    pub throttle_write_iops_device: Vec<ThrottleDevice>,
}

/// The weight of one device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the OCI runtime specification")]
pub struct WeightDevice {
    pub major: i64,
    pub minor: i64,
    pub weight: Option<u16>,
    pub leaf_weight: Option<u16>,
}

/// The rate of one device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "named as in the OCI runtime specification")]
pub struct ThrottleDevice {
    pub major: i64,
    pub minor: i64,
    pub rate: u64,
}

/// A limit of huge pages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "named as in the OCI runtime specification")]
pub struct HugepageLimit {
    #[serde(rename = "pageSize")]
    pub page_size: String,
    pub limit: u64,
}

/// Classes and priorities of packets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "named as in the OCI runtime specification")]
pub struct NetworkClass {
    #[serde(rename = "classID")]
    pub class_id: Option<u32>,
    pub priorities: Vec<InterfacePriority>,
}

/// The priority of one interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "named as in the OCI runtime specification")]
pub struct InterfacePriority {
    pub name: String,
    pub priority: u32,
}

/// A limit of remote direct memory access.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the OCI runtime specification")]
pub struct Rdma {
    pub hca_handles: Option<u32>,
    pub hca_objects: Option<u32>,
}

/// A device's path to its weight.
pub type WeightDevices = BTreeMap<String, WeightDevice>;
/// A device's path to its rate.
pub type ThrottleDevices = BTreeMap<String, ThrottleDevice>;
/// A key to a value of the unified cgroup hierarchy.
pub type Unified = StringMap;
