//! Pods: the request that makes one, options, rows and reports.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::{NotDone, query};
use crate::{
    Filters, IdMappings, ImageVolume, InspectDevice, InspectHostPort, InspectMount, Mount, NamedVolume,
    Namespace, OverlayVolume, PerNetworkOptions, PortMapping, Resources, StringMap, Timestamp,
};

/// The namespaces a pod's containers share where the request names none.
pub const DEFAULT_SHARED_NAMESPACES: [&str; 3] = ["ipc", "net", "uts"];

/// What a pod is to be: the request of `create`. JSON: libpod's `PodSpecGenerator`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(
    missing_docs,
    reason = "fields are named after the flags of podman-pod-create(1), which documents them"
)]
pub struct PodSpec {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// `continue`, `stop`, or empty for the configured one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub exit_policy: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: StringMap,
    /// Without a container that holds the shared namespaces.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_infra: bool,
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub infra_conmon_pid_file: NotDone<String>,
    /// What the infra container runs in place of the built-in program.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub infra_command: Vec<String>,
    /// The infra container's image; empty for the built-in program without an image.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub infra_image: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub infra_name: String,
    pub ipcns: Namespace,
    /// `cgroup`, `ipc`, `net`, `pid`, `uts`, or only `none`; empty is [`DEFAULT_SHARED_NAMESPACES`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shared_namespaces: Vec<String>,
    /// For containers that say nothing themselves, as a container's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub restart_policy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_tries: Option<u32>,
    /// Whether the containers' cgroups are in the pod's; they are by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_parent: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pod_create_command: Vec<String>,
    pub pidns: Namespace,
    pub userns: Namespace,
    pub utsns: Namespace,
    /// `HOST[:CONTAINER[:rwm]]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pod_devices: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sysctl: StringMap,

    pub netns: Namespace,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub portmappings: Vec<PortMapping>,
    #[serde(rename = "Networks", skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<String, PerNetworkOptions>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_manage_resolv_conf: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_server: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_search: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_option: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_manage_hostname: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_manage_hosts: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hostadd: Vec<String>,
    #[serde(rename = "hostsFile", skip_serializing_if = "String::is_empty")]
    pub hosts_file: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub network_options: BTreeMap<String, Vec<String>>,

    #[serde(skip_serializing_if = "String::is_empty")]
    pub cgroup_parent: String,
    /// Limits of all its containers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_limits: Option<Resources>,

    /// Mounted into every container of the pod.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<NamedVolume>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overlay_volumes: Vec<OverlayVolume>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_volumes: Vec<ImageVolume>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes_from: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<i64>,
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub shm_size_systemd: NotDone<i64>,

    /// As `--security-opt`, for every container of the pod.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_opt: Vec<String>,
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub idmappings: NotDone<IdMappings>,
    #[serde(rename = "serviceContainerID", skip_serializing_if = "NotDone::is_absent")]
    pub service_container_id: NotDone<String>,
}

/// What `create` answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct PodCreateReport {
    /// The whole id.
    pub id: String,
}

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
    #[serde(rename = "cpu_quota", skip_serializing_if = "is_zero_signed")]
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

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero_signed(number: &i64) -> bool {
    *number == 0
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

/// Options of making a pod like another.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PodCopyOptions {
    /// Remove the other one.
    pub destroy: bool,
    /// Start the new one.
    pub start: bool,
    /// What is to be different; an empty name is the old one with `-clone` after it.
    pub changes: PodSpec,
}

impl PodSpec {
    /// The request with the name and whatever else `changes` asks for. Lists and maps are added to.
    ///
    /// # Errors
    /// It asks for something that a copy has as the other one.
    pub fn changed_by(mut self, mut changes: Self) -> crate::Result<Self> {
        use std::mem::take;
        let text = |own: &mut String, new: String| {
            if !new.is_empty() {
                *own = new;
            }
        };
        let namespace = |own: &mut Namespace, new: Namespace| {
            if !new.is_default() {
                *own = new;
            }
        };
        self.name = take(&mut changes.name);
        // Two containers cannot have it.
        self.infra_name = take(&mut changes.infra_name);
        text(&mut self.hostname, take(&mut changes.hostname));
        text(&mut self.cgroup_parent, take(&mut changes.cgroup_parent));
        if !changes.restart_policy.is_empty() {
            self.restart_policy = take(&mut changes.restart_policy);
            self.restart_tries = take(&mut changes.restart_tries);
        }
        if !changes.infra_command.is_empty() {
            self.infra_command = take(&mut changes.infra_command);
        }
        namespace(&mut self.pidns, take(&mut changes.pidns));
        namespace(&mut self.userns, take(&mut changes.userns));
        namespace(&mut self.utsns, take(&mut changes.utsns));
        self.labels.extend(take(&mut changes.labels));
        self.sysctl.extend(take(&mut changes.sysctl));
        self.pod_devices.extend(take(&mut changes.pod_devices));
        self.security_opt.extend(take(&mut changes.security_opt));
        self.mounts.extend(take(&mut changes.mounts));
        self.volumes.extend(take(&mut changes.volumes));
        self.overlay_volumes.extend(take(&mut changes.overlay_volumes));
        self.image_volumes.extend(take(&mut changes.image_volumes));
        self.volumes_from.extend(take(&mut changes.volumes_from));
        self.shm_size = take(&mut changes.shm_size).or(self.shm_size);
        self.resource_limits = match (self.resource_limits, take(&mut changes.resource_limits)) {
            (Some(own), Some(new)) => Some(Resources {
                memory: new.memory.or(own.memory),
                cpu: new.cpu.or(own.cpu),
                pids: new.pids.or(own.pids),
                block_io: new.block_io.or(own.block_io),
                ..own
            }),
            (own, new) => new.or(own),
        };
        match changes.first_field() {
            Some(field) => Err(crate::Error::unsupported(format!(
                "a copy of a pod cannot have another {field}: make a pod that has it"
            ))),
            None => Ok(self),
        }
    }

    /// A field that asks for something, by its name in JSON.
    fn first_field(&self) -> Option<String> {
        let fields = |spec: &Self| match serde_json::to_value(spec) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let nothing = fields(&Self::default());
        fields(self).into_iter().find(|(name, value)| nothing.get(name) != Some(value)).map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_an_empty_list_as_go_writes_it() {
        let spec: PodSpec =
            crate::wire::json::decode(br#"{"name":"p","portmappings":null,"Networks":null,"netns":{}}"#)
                .unwrap();
        assert_eq!(spec, PodSpec { name: "p".into(), ..PodSpec::default() });
        let error = crate::wire::json::decode::<PodSpec>(br#"{"shm_size_systemd":1}"#).unwrap_err();
        assert!(error.to_string().contains("shm_size_systemd"), "{error}");
    }

    #[test]
    fn changes_come_to_what_was_asked_for() {
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<StringMap>()
        };
        let old = PodSpec {
            name: "p".into(),
            infra_name: "i".into(),
            hostname: "h".into(),
            labels: labels(&[("a", "1"), ("b", "1")]),
            ..PodSpec::default()
        };
        let changes = PodSpec { labels: labels(&[("b", "2")]), ..PodSpec::default() };
        let changed = old.clone().changed_by(changes).unwrap();
        let expect =
            PodSpec { hostname: "h".into(), labels: labels(&[("a", "1"), ("b", "2")]), ..PodSpec::default() };
        assert_eq!(changed, expect);
        for (changes, field) in [
            (PodSpec { exit_policy: "stop".into(), ..PodSpec::default() }, "exit_policy"),
            (PodSpec { netns: Namespace::new("host"), ..PodSpec::default() }, "netns"),
            (PodSpec { portmappings: vec![PortMapping::default()], ..PodSpec::default() }, "portmappings"),
        ] {
            let error = old.clone().changed_by(changes).unwrap_err();
            assert!(error.message.contains(field), "{error}");
        }
    }

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
