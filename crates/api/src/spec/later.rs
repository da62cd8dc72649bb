//! The parts of a container's request that this version does not do, typed as libpod documents them, so that a malformed
//! one is told apart from one that is not done. Each stands in a [`crate::wire::NotDone`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::StringMap;

/// A folder of the host below a layer that is thrown away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OverlayVolume {
    /// Absolute path in the container.
    pub destination: String,
    /// Absolute folder of the host.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// `O`, `U`, `upperdir=…`, `workdir=…`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// An image that is mounted as a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageVolume {
    /// Its name or id.
    pub source: String,
    /// Absolute path in the container.
    pub destination: String,
    /// Writable, on a layer that is thrown away.
    pub read_write: bool,
    /// A folder in the image; empty for all of it.
    #[serde(rename = "subPath", skip_serializing_if = "String::is_empty")]
    pub sub_path: String,
}

/// An artifact that is mounted as files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct ArtifactVolume {
    pub source: String,
    pub destination: String,
    pub title: String,
    pub digest: String,
    pub name: String,
}

/// Mappings of ids, as containers/storage has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are containers/storage's")]
pub struct IdMappings {
    #[serde(rename = "HostUIDMapping")]
    pub host_uid_mapping: bool,
    #[serde(rename = "HostGIDMapping")]
    pub host_gid_mapping: bool,
    #[serde(rename = "UIDMap")]
    pub uid_map: Vec<IdMap>,
    #[serde(rename = "GIDMap")]
    pub gid_map: Vec<IdMap>,
    #[serde(rename = "AutoUserNs")]
    pub auto_user_ns: bool,
    #[serde(rename = "AutoUserNsOpts")]
    pub auto_user_ns_options: AutoUserNsOptions,
}

/// One range of ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are containers/storage's")]
pub struct IdMap {
    pub container_id: i64,
    pub host_id: i64,
    pub size: i64,
}

/// How a range is chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are containers/storage's")]
pub struct AutoUserNsOptions {
    pub size: u32,
    pub initial_size: u32,
    pub passwd_file: String,
    pub group_file: String,
    #[serde(rename = "AdditionalUIDMappings")]
    pub additional_uid_mappings: Vec<IdMap>,
    #[serde(rename = "AdditionalGIDMappings")]
    pub additional_gid_mappings: Vec<IdMap>,
}

/// The execution domain of the process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "named as in the OCI runtime specification")]
pub struct Personality {
    pub domain: String,
    pub flags: Vec<String>,
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
