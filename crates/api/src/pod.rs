//! Pods: the request that makes one.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::NotDone;
use crate::{
    IdMappings, ImageVolume, Mount, NamedVolume, Namespace, OverlayVolume, PerNetworkOptions, PortMapping,
    Resources, StringMap, ThrottleDevices, WeightDevices,
};

mod actions;
mod copy;
mod report;

pub use actions::Pods;
pub use copy::*;
pub use report::*;

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
    #[serde(skip_serializing_if = "String::is_empty")]
    pub infra_conmon_pid_file: String,
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
    /// Graphics processors for every container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<String>,
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
    /// Further limits, by devices' paths.
    #[serde(rename = "weightDevice", skip_serializing_if = "BTreeMap::is_empty")]
    pub weight_device: WeightDevices,
    #[serde(rename = "throttleReadBpsDevice", skip_serializing_if = "BTreeMap::is_empty")]
    pub throttle_read_bps_device: ThrottleDevices,
    #[serde(rename = "throttleWriteBpsDevice", skip_serializing_if = "BTreeMap::is_empty")]
    pub throttle_write_bps_device: ThrottleDevices,
    #[serde(rename = "throttleReadIOPSDevice", skip_serializing_if = "BTreeMap::is_empty")]
    pub throttle_read_iops_device: ThrottleDevices,
    #[serde(rename = "throttleWriteIOPSDevice", skip_serializing_if = "BTreeMap::is_empty")]
    pub throttle_write_iops_device: ThrottleDevices,

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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size_systemd: Option<i64>,

    /// As `--security-opt`, for every container of the pod.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_opt: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idmappings: Option<IdMappings>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_an_empty_list_as_go_writes_it() {
        let spec: PodSpec =
            crate::wire::json::decode(br#"{"name":"p","portmappings":null,"Networks":null,"netns":{}}"#)
                .unwrap();
        assert_eq!(spec, PodSpec { name: "p".into(), ..PodSpec::default() });
        let error = crate::wire::json::decode::<PodSpec>(br#"{"serviceContainerID":"x"}"#).unwrap_err();
        assert!(error.to_string().contains("serviceContainerID"), "{error}");
    }
}
