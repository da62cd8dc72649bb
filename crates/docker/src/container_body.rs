//! The body of Docker's create, whole, as Docker's documents have it.

#![allow(missing_docs, reason = "the names are Docker's, and so is what they mean")]

use std::collections::BTreeMap;

use cove_api::wire::NotDone;
use cove_api::{HealthConfig, StringMap};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The keys of a map whose values say nothing (`{"80/tcp": {}}`).
pub type Set = BTreeMap<String, Option<Value>>;

/// The body of `POST /containers/create`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CreateBody {
    /// dockerode says here again what is in the query.
    pub name: String,
    /// Likewise.
    pub platform: String,
    pub image: String,
    pub hostname: String,
    pub domainname: NotDone<String>,
    pub user: String,
    pub attach_stdin: NotDone<bool>,
    pub attach_stdout: NotDone<bool>,
    pub attach_stderr: NotDone<bool>,
    pub tty: bool,
    pub open_stdin: bool,
    pub stdin_once: NotDone<bool>,
    pub env: Vec<String>,
    /// `null`: the image's.
    pub cmd: Option<Words>,
    pub entrypoint: Option<Words>,
    pub healthcheck: Option<HealthConfig>,
    pub args_escaped: NotDone<bool>,
    pub network_disabled: NotDone<bool>,
    pub mac_address: NotDone<String>,
    pub on_build: NotDone<Vec<String>>,
    pub shell: NotDone<Vec<String>>,
    pub port_specs: NotDone<Vec<String>>,
    pub working_dir: String,
    pub labels: StringMap,
    pub volumes: Set,
    pub exposed_ports: Set,
    pub stop_signal: String,
    /// Negative: for ever.
    pub stop_timeout: Option<i64>,
    pub host_config: HostConfig,
    pub networking_config: NetworkingConfig,
}

/// A command: a list, or one word.
#[derive(Debug, Default)]
pub struct Words(pub Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor)
    }
}

struct WordsVisitor;

impl<'de> serde::de::Visitor<'de> for WordsVisitor {
    type Value = Words;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a list of strings, or one string")
    }

    fn visit_str<E>(self, word: &str) -> Result<Words, E> {
        Ok(Words(vec![word.to_owned()]))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut elements: A) -> Result<Words, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = elements.next_element()? {
            words.push(word);
        }
        Ok(Words(words))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HostConfig {
    pub binds: Vec<String>,
    pub mounts: Vec<DockerMount>,
    pub tmpfs: StringMap,
    pub log_config: DockerLogConfig,
    pub network_mode: String,
    pub port_bindings: BTreeMap<String, Vec<PortBinding>>,
    pub publish_all_ports: bool,
    pub restart_policy: RestartPolicy,
    pub auto_remove: bool,
    pub volumes_from: Vec<String>,
    pub cap_add: Vec<String>,
    pub cap_drop: Vec<String>,
    pub cgroupns_mode: String,
    pub cgroup_parent: String,
    pub dns: Vec<String>,
    pub dns_options: Vec<String>,
    pub dns_search: Vec<String>,
    pub extra_hosts: Vec<String>,
    pub group_add: Vec<String>,
    pub ipc_mode: String,
    pub pid_mode: String,
    #[serde(rename = "UTSMode")]
    pub uts_mode: String,
    pub userns_mode: String,
    pub oom_score_adj: i32,
    pub privileged: bool,
    pub readonly_rootfs: bool,
    pub security_opt: Vec<String>,
    pub shm_size: i64,
    pub sysctls: StringMap,
    pub runtime: String,
    pub annotations: StringMap,
    pub cpu_shares: i64,
    pub memory: i64,
    pub memory_reservation: i64,
    pub memory_swap: i64,
    pub memory_swappiness: Option<i64>,
    pub nano_cpus: i64,
    pub cpu_period: i64,
    pub cpu_quota: i64,
    pub cpuset_cpus: String,
    pub cpuset_mems: String,
    pub devices: Vec<DockerDevice>,
    pub pids_limit: Option<i64>,
    pub ulimits: Vec<Ulimit>,
    pub init: Option<bool>,
    pub oom_kill_disable: bool,
    /// `null`: the usual paths; empty: none.
    pub masked_paths: Option<Vec<String>>,

    pub readonly_paths: NotDone<Vec<String>>,
    #[serde(rename = "ContainerIDFile")]
    pub container_id_file: NotDone<String>,
    pub volume_driver: NotDone<String>,
    pub console_size: NotDone<Vec<u32>>,
    pub cgroup: NotDone<String>,
    pub links: NotDone<Vec<String>>,
    pub storage_opt: NotDone<StringMap>,
    pub isolation: NotDone<String>,
    pub blkio_weight: u16,
    pub blkio_weight_device: Vec<WeightDevice>,
    pub blkio_device_read_bps: Vec<ThrottleDevice>,
    pub blkio_device_write_bps: Vec<ThrottleDevice>,
    #[serde(rename = "BlkioDeviceReadIOps")]
    pub blkio_device_read_iops: Vec<ThrottleDevice>,
    #[serde(rename = "BlkioDeviceWriteIOps")]
    pub blkio_device_write_iops: Vec<ThrottleDevice>,
    pub cpu_realtime_period: i64,
    pub cpu_realtime_runtime: i64,
    pub device_cgroup_rules: Vec<String>,
    pub device_requests: Vec<DeviceRequest>,
    pub kernel_memory: NotDone<i64>,
    #[serde(rename = "KernelMemoryTCP")]
    pub kernel_memory_tcp: NotDone<i64>,
    pub cpu_count: NotDone<i64>,
    pub cpu_percent: NotDone<i64>,
    #[serde(rename = "IOMaximumIOps")]
    pub io_maximum_iops: NotDone<u64>,
    #[serde(rename = "IOMaximumBandwidth")]
    pub io_maximum_bandwidth: NotDone<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DockerMount {
    #[serde(rename = "Type")]
    pub kind: String,
    pub source: String,
    pub target: String,
    pub read_only: bool,
    pub consistency: NotDone<String>,
    pub bind_options: BindOptions,
    pub volume_options: VolumeOptions,
    pub tmpfs_options: TmpfsOptions,
    pub image_options: ImageOptions,
    pub cluster_options: NotDone<Set>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct BindOptions {
    pub propagation: String,
    pub non_recursive: bool,
    pub create_mountpoint: bool,
    pub read_only_non_recursive: NotDone<bool>,
    pub read_only_force_recursive: NotDone<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageOptions {
    pub subpath: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct VolumeOptions {
    pub no_copy: bool,
    pub labels: NotDone<StringMap>,
    pub driver_config: NotDone<DriverConfig>,
    pub subpath: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DriverConfig {
    name: String,
    options: StringMap,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TmpfsOptions {
    pub size_bytes: u64,
    pub mode: u32,
    pub options: NotDone<Vec<Vec<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DockerLogConfig {
    #[serde(rename = "Type")]
    pub kind: String,
    pub config: StringMap,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PortBinding {
    pub host_ip: String,
    pub host_port: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RestartPolicy {
    pub name: String,
    pub maximum_retry_count: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DockerDevice {
    pub path_on_host: String,
    pub path_in_container: String,
    pub cgroup_permissions: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Ulimit {
    pub name: String,
    pub soft: i64,
    pub hard: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct WeightDevice {
    pub path: String,
    pub weight: u16,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ThrottleDevice {
    pub path: String,
    pub rate: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DeviceRequest {
    pub driver: String,
    pub count: i64,
    #[serde(rename = "DeviceIDs")]
    pub device_ids: Vec<String>,
    pub capabilities: Vec<Vec<String>>,
    pub options: NotDone<StringMap>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NetworkingConfig {
    pub endpoints_config: BTreeMap<String, Endpoint>,
}

/// How a container is connected to a network: what is asked for, and what the service answers, which clients that make a
/// container again send back.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Endpoint {
    pub aliases: Vec<String>,
    pub mac_address: String,
    #[serde(rename = "IPAMConfig")]
    pub ipam_config: EndpointIpam,
    pub links: NotDone<Vec<String>>,
    pub driver_opts: NotDone<StringMap>,
    pub gw_priority: NotDone<i64>,
    #[serde(rename = "NetworkID")]
    pub network_id: NotDone<String>,
    #[serde(rename = "EndpointID")]
    pub endpoint_id: NotDone<String>,
    pub gateway: NotDone<String>,
    #[serde(rename = "IPAddress")]
    pub ip_address: NotDone<String>,
    #[serde(rename = "IPPrefixLen")]
    pub ip_prefix_len: NotDone<u32>,
    #[serde(rename = "IPv6Gateway")]
    pub ipv6_gateway: NotDone<String>,
    #[serde(rename = "GlobalIPv6Address")]
    pub global_ipv6_address: NotDone<String>,
    #[serde(rename = "GlobalIPv6PrefixLen")]
    pub global_ipv6_prefix_len: NotDone<u32>,
    #[serde(rename = "DNSNames")]
    pub dns_names: NotDone<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct EndpointIpam {
    #[serde(rename = "IPv4Address")]
    pub ipv4: String,
    #[serde(rename = "IPv6Address")]
    pub ipv6: String,
    #[serde(rename = "LinkLocalIPs")]
    pub link_local_ips: Vec<String>,
}
