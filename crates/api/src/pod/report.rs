//! Pods that are there: options of what is done to them, rows, reports.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::{is_zero, query};
use crate::{Filters, InspectDevice, InspectHostPort, InspectMount, StringMap, Timestamp};

/// How a pod fares: what its containers' states come to.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum PodState {
    /// Nothing of it has run.
    #[default]
    Created,
    /// Some of its containers run.
    Degraded,
    /// Something is wrong with one.
    Error,
    /// All have ended.
    Exited,
    /// All are frozen.
    Paused,
    /// All run.
    Running,
    /// Some have ended, none runs.
    Stopped,
    /// A word that this version does not know.
    #[serde(other)]
    Unknown,
}

impl PodState {
    /// The word as Podman prints it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Degraded => "Degraded",
            Self::Error => "Error",
            Self::Exited => "Exited",
            Self::Paused => "Paused",
            Self::Running => "Running",
            Self::Stopped => "Stopped",
            Self::Unknown => "Unknown",
        }
    }
}

impl std::fmt::Display for PodState {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Options of `list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PodListOptions {
    /// `ctr-ids`, `ctr-names`, `ctr-number`, `ctr-status`, `id`, `label`, `label!`, `name`, `network`, `status`,
    /// `until`.
    #[serde(deserialize_with = "query::filters")]
    pub filters: Filters,
}

/// A row of `pod ps`. JSON: libpod's `ListPodsReport`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct PodSummary {
    pub cgroup: String,
    pub containers: Vec<PodSummaryContainer>,
    pub created: Timestamp,
    pub id: String,
    pub infra_id: String,
    pub name: String,
    pub namespace: String,
    /// Networks of the infra container.
    pub networks: Vec<String>,
    pub status: PodState,
    pub labels: StringMap,
}

impl Default for PodSummary {
    fn default() -> Self {
        Self {
            cgroup: String::new(),
            containers: Vec::new(),
            created: crate::zero_time(),
            id: String::new(),
            infra_id: String::new(),
            name: String::new(),
            namespace: String::new(),
            networks: Vec::new(),
            status: PodState::default(),
            labels: StringMap::new(),
        }
    }
}

/// A container in a row of `pod ps`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct PodSummaryContainer {
    /// Its id.
    pub id: String,
    /// Its name.
    pub names: String,
    /// Its state, in Podman's words.
    pub status: String,
    /// How often its restart policy has started it.
    pub restart_count: u32,
}

/// All about a pod. JSON: libpod's `InspectPodData`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct PodInspect {
    pub id: String,
    pub name: String,
    pub created: Timestamp,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub create_command: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub exit_policy: String,
    pub state: PodState,
    pub hostname: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: StringMap,
    pub create_cgroup: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cgroup_parent: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cgroup_path: String,
    pub create_infra: bool,
    #[serde(rename = "InfraContainerID", skip_serializing_if = "String::is_empty")]
    pub infra_container_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infra_config: Option<PodInfraInspect>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shared_namespaces: Vec<String>,
    pub num_containers: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<PodInspectContainer>,
    #[serde(rename = "cpu_period", skip_serializing_if = "is_zero")]
    pub cpu_period: u64,
    #[serde(rename = "cpu_quota", skip_serializing_if = "is_zero")]
    pub cpu_quota: i64,
    #[serde(rename = "cpu_shares", skip_serializing_if = "is_zero")]
    pub cpu_shares: u64,
    #[serde(rename = "cpuset_cpus", skip_serializing_if = "String::is_empty")]
    pub cpuset_cpus: String,
    #[serde(rename = "cpuset_mems", skip_serializing_if = "String::is_empty")]
    pub cpuset_mems: String,
    #[serde(rename = "mounts", skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<InspectMount>,
    #[serde(rename = "devices", skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<InspectDevice>,
    #[serde(rename = "volumes_from", skip_serializing_if = "Vec::is_empty")]
    pub volumes_from: Vec<String>,
    #[serde(rename = "security_opt", skip_serializing_if = "Vec::is_empty")]
    pub security_opts: Vec<String>,
    #[serde(rename = "memory_limit", skip_serializing_if = "is_zero")]
    pub memory_limit: u64,
    #[serde(rename = "memory_swap", skip_serializing_if = "is_zero")]
    pub memory_swap: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub restart_policy: String,
    pub lock_number: u32,
}

impl Default for PodInspect {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            created: crate::zero_time(),
            create_command: Vec::new(),
            exit_policy: String::new(),
            state: PodState::default(),
            hostname: String::new(),
            labels: StringMap::new(),
            create_cgroup: false,
            cgroup_parent: String::new(),
            cgroup_path: String::new(),
            create_infra: false,
            infra_container_id: String::new(),
            infra_config: None,
            shared_namespaces: Vec::new(),
            num_containers: 0,
            containers: Vec::new(),
            cpu_period: 0,
            cpu_quota: 0,
            cpu_shares: 0,
            cpuset_cpus: String::new(),
            cpuset_mems: String::new(),
            mounts: Vec::new(),
            devices: Vec::new(),
            volumes_from: Vec::new(),
            security_opts: Vec::new(),
            memory_limit: 0,
            memory_swap: 0,
            restart_policy: String::new(),
            lock_number: 0,
        }
    }
}

/// What the infra container gives the pod. JSON: libpod's `InspectPodInfraConfig`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct PodInfraInspect {
    pub port_bindings: BTreeMap<String, Vec<InspectHostPort>>,
    pub host_network: bool,
    #[serde(rename = "StaticIP")]
    pub static_ip: String,
    #[serde(rename = "StaticMAC")]
    pub static_mac: String,
    pub no_manage_resolv_conf: bool,
    #[serde(rename = "DNSServer")]
    pub dns_server: Vec<String>,
    #[serde(rename = "DNSSearch")]
    pub dns_search: Vec<String>,
    #[serde(rename = "DNSOption")]
    pub dns_option: Vec<String>,
    pub no_manage_hostname: bool,
    pub no_manage_hosts: bool,
    pub host_add: Vec<String>,
    pub hosts_file: String,
    pub networks: Vec<String>,
    pub network_options: BTreeMap<String, Vec<String>>,
    #[serde(rename = "pid_ns", skip_serializing_if = "String::is_empty")]
    pub pid_ns: String,
    #[serde(rename = "userns", skip_serializing_if = "String::is_empty")]
    pub user_ns: String,
    #[serde(rename = "uts_ns", skip_serializing_if = "String::is_empty")]
    pub uts_ns: String,
}

/// A container of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct PodInspectContainer {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state, in Podman's words.
    pub state: String,
}

/// Options of stopping a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PodStopOptions {
    /// Seconds before SIGKILL; `None` takes each container's own.
    #[serde(rename = "t", alias = "timeout")]
    pub timeout: Option<u32>,
}

/// Options of removing a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PodRemoveOptions {
    /// Also containers that run, which are stopped first.
    pub force: bool,
    /// Seconds before SIGKILL with `force`; `None` takes each container's own.
    pub timeout: Option<u32>,
}

/// What came of an action on every container of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct PodReport {
    /// A message for each container with which it failed.
    pub errs: Vec<String>,
    /// The pod's id.
    pub id: String,
    /// Its name.
    pub raw_input: String,
}

/// What became of the containers of a removed pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct PodRemoveReport {
    /// The containers' ids, each with why it is still there.
    pub removed_ctrs: BTreeMap<String, Option<String>>,
    /// Why the pod is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub err: Option<String>,
    /// The pod's id.
    pub id: String,
}

/// What became of one pod. JSON: libpod's `PodPruneReport`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct PodPruneReport {
    /// Why it is still there.
    pub err: Option<String>,
    /// Its id.
    pub id: String,
}

/// Options of `stats`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PodStatsOptions {
    /// Every pod, which is also what no names are.
    pub all: bool,
    /// Only these.
    #[serde(rename = "namesOrIDs")]
    pub names: Vec<String>,
}

/// What a container of a pod uses, in words. JSON: libpod's `PodStatsReport`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct PodStats {
    /// Share of one processor since its start.
    #[serde(rename = "CPU")]
    pub cpu: String,
    /// Memory and its limit.
    pub mem_usage: String,
    /// The same in units of 1,024.
    pub mem_usage_bytes: String,
    /// The share of the limit.
    pub mem: String,
    /// Received and sent.
    #[serde(rename = "NetIO")]
    pub net_io: String,
    /// Read and written.
    #[serde(rename = "BlockIO")]
    pub block_io: String,
    /// Processes.
    #[serde(rename = "PIDS")]
    pub pids: String,
    /// The pod's short id.
    pub pod: String,
    /// The container's short id.
    #[serde(rename = "CID")]
    pub cid: String,
    /// The container's name.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_podmans_words() {
        for (state, word) in [(PodState::Degraded, "Degraded"), (PodState::Running, "Running")] {
            assert_eq!(
                (state.to_string().as_str(), serde_json::to_value(state).unwrap()),
                (word, word.into())
            );
        }
        assert_eq!(serde_json::from_str::<PodState>("\"Dead\"").unwrap(), PodState::Unknown);
    }
}
