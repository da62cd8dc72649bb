//! The body of Docker's create, whole, as Docker's documents have it.

#![allow(dead_code, reason = "what is not done is typed for the decoder, and read by nobody after it")]

use std::collections::BTreeMap;

use cove_api::wire::NotDone;
use cove_api::{HealthConfig, StringMap};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The keys of a map whose values say nothing (`{"80/tcp": {}}`).
pub(super) type Set = BTreeMap<String, Option<Value>>;

/// The body of `POST /containers/create`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct CreateBody {
    pub(super) image: String,
    pub(super) hostname: String,
    pub(super) domainname: NotDone<String>,
    pub(super) user: String,
    pub(super) attach_stdin: NotDone<bool>,
    pub(super) attach_stdout: NotDone<bool>,
    pub(super) attach_stderr: NotDone<bool>,
    pub(super) tty: bool,
    pub(super) open_stdin: bool,
    pub(super) stdin_once: NotDone<bool>,
    pub(super) env: Vec<String>,
    /// `null`: the image's.
    pub(super) cmd: Option<Words>,
    pub(super) entrypoint: Option<Words>,
    pub(super) healthcheck: Option<HealthConfig>,
    pub(super) args_escaped: NotDone<bool>,
    pub(super) network_disabled: NotDone<bool>,
    pub(super) mac_address: NotDone<String>,
    pub(super) on_build: NotDone<Vec<String>>,
    pub(super) shell: NotDone<Vec<String>>,
    pub(super) port_specs: NotDone<Vec<String>>,
    pub(super) working_dir: String,
    pub(super) labels: StringMap,
    pub(super) volumes: Set,
    pub(super) exposed_ports: Set,
    pub(super) stop_signal: String,
    /// Negative: for ever.
    pub(super) stop_timeout: Option<i64>,
    pub(super) host_config: HostConfig,
    pub(super) networking_config: NetworkingConfig,
}

/// A command: a list, or one word.
#[derive(Debug, Default)]
pub(super) struct Words(pub(super) Vec<String>);

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
pub(super) struct HostConfig {
    pub(super) binds: Vec<String>,
    pub(super) mounts: Vec<DockerMount>,
    pub(super) tmpfs: StringMap,
    pub(super) log_config: DockerLogConfig,
    pub(super) network_mode: String,
    pub(super) port_bindings: BTreeMap<String, Vec<PortBinding>>,
    pub(super) publish_all_ports: bool,
    pub(super) restart_policy: RestartPolicy,
    pub(super) auto_remove: bool,
    pub(super) volumes_from: Vec<String>,
    pub(super) cap_add: Vec<String>,
    pub(super) cap_drop: Vec<String>,
    pub(super) cgroupns_mode: String,
    pub(super) cgroup_parent: String,
    pub(super) dns: Vec<String>,
    pub(super) dns_options: Vec<String>,
    pub(super) dns_search: Vec<String>,
    pub(super) extra_hosts: Vec<String>,
    pub(super) group_add: Vec<String>,
    pub(super) ipc_mode: String,
    pub(super) pid_mode: String,
    #[serde(rename = "UTSMode")]
    pub(super) uts_mode: String,
    pub(super) userns_mode: String,
    pub(super) oom_score_adj: i32,
    pub(super) privileged: bool,
    pub(super) readonly_rootfs: bool,
    pub(super) security_opt: Vec<String>,
    pub(super) shm_size: i64,
    pub(super) sysctls: StringMap,
    pub(super) runtime: String,
    pub(super) annotations: StringMap,
    pub(super) cpu_shares: i64,
    pub(super) memory: i64,
    pub(super) memory_reservation: i64,
    pub(super) memory_swap: i64,
    pub(super) memory_swappiness: Option<i64>,
    pub(super) nano_cpus: i64,
    pub(super) cpu_period: i64,
    pub(super) cpu_quota: i64,
    pub(super) cpuset_cpus: String,
    pub(super) cpuset_mems: String,
    pub(super) devices: Vec<DockerDevice>,
    pub(super) pids_limit: Option<i64>,
    pub(super) ulimits: Vec<Ulimit>,
    pub(super) init: Option<bool>,
    pub(super) oom_kill_disable: bool,
    /// `null`: the usual paths; empty: none.
    pub(super) masked_paths: Option<Vec<String>>,

    pub(super) readonly_paths: NotDone<Vec<String>>,
    #[serde(rename = "ContainerIDFile")]
    pub(super) container_id_file: NotDone<String>,
    pub(super) volume_driver: NotDone<String>,
    pub(super) console_size: NotDone<Vec<u32>>,
    pub(super) cgroup: NotDone<String>,
    pub(super) links: NotDone<Vec<String>>,
    pub(super) storage_opt: NotDone<StringMap>,
    pub(super) isolation: NotDone<String>,
    pub(super) blkio_weight: u16,
    pub(super) blkio_weight_device: Vec<WeightDevice>,
    pub(super) blkio_device_read_bps: Vec<ThrottleDevice>,
    pub(super) blkio_device_write_bps: Vec<ThrottleDevice>,
    #[serde(rename = "BlkioDeviceReadIOps")]
    pub(super) blkio_device_read_iops: Vec<ThrottleDevice>,
    #[serde(rename = "BlkioDeviceWriteIOps")]
    pub(super) blkio_device_write_iops: Vec<ThrottleDevice>,
    pub(super) cpu_realtime_period: i64,
    pub(super) cpu_realtime_runtime: i64,
    pub(super) device_cgroup_rules: Vec<String>,
    pub(super) device_requests: Vec<DeviceRequest>,
    pub(super) kernel_memory: NotDone<i64>,
    #[serde(rename = "KernelMemoryTCP")]
    pub(super) kernel_memory_tcp: NotDone<i64>,
    pub(super) cpu_count: NotDone<i64>,
    pub(super) cpu_percent: NotDone<i64>,
    #[serde(rename = "IOMaximumIOps")]
    pub(super) io_maximum_iops: NotDone<u64>,
    #[serde(rename = "IOMaximumBandwidth")]
    pub(super) io_maximum_bandwidth: NotDone<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct DockerMount {
    #[serde(rename = "Type")]
    pub(super) kind: String,
    pub(super) source: String,
    pub(super) target: String,
    pub(super) read_only: bool,
    pub(super) consistency: NotDone<String>,
    pub(super) bind_options: BindOptions,
    pub(super) volume_options: VolumeOptions,
    pub(super) tmpfs_options: TmpfsOptions,
    pub(super) image_options: ImageOptions,
    pub(super) cluster_options: NotDone<Set>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct BindOptions {
    pub(super) propagation: String,
    pub(super) non_recursive: bool,
    pub(super) create_mountpoint: NotDone<bool>,
    pub(super) read_only_non_recursive: NotDone<bool>,
    pub(super) read_only_force_recursive: NotDone<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ImageOptions {
    pub(super) subpath: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct VolumeOptions {
    pub(super) no_copy: bool,
    pub(super) labels: NotDone<StringMap>,
    pub(super) driver_config: NotDone<DriverConfig>,
    pub(super) subpath: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct DriverConfig {
    name: String,
    options: StringMap,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct TmpfsOptions {
    pub(super) size_bytes: u64,
    pub(super) mode: u32,
    pub(super) options: NotDone<Vec<Vec<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct DockerLogConfig {
    #[serde(rename = "Type")]
    pub(super) kind: String,
    pub(super) config: StringMap,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct PortBinding {
    pub(super) host_ip: String,
    pub(super) host_port: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct RestartPolicy {
    pub(super) name: String,
    pub(super) maximum_retry_count: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct DockerDevice {
    pub(super) path_on_host: String,
    pub(super) path_in_container: String,
    pub(super) cgroup_permissions: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Ulimit {
    pub(super) name: String,
    pub(super) soft: i64,
    pub(super) hard: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct WeightDevice {
    pub(super) path: String,
    pub(super) weight: u16,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ThrottleDevice {
    pub(super) path: String,
    pub(super) rate: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct DeviceRequest {
    pub(super) driver: String,
    pub(super) count: i64,
    #[serde(rename = "DeviceIDs")]
    pub(super) device_ids: Vec<String>,
    pub(super) capabilities: Vec<Vec<String>>,
    pub(super) options: NotDone<StringMap>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct NetworkingConfig {
    pub(super) endpoints_config: BTreeMap<String, Endpoint>,
}

/// How a container is connected to a network: what is asked for, and what the service answers, which clients that make a
/// container again send back.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Endpoint {
    pub(super) aliases: Vec<String>,
    pub(super) mac_address: String,
    #[serde(rename = "IPAMConfig")]
    pub(super) ipam_config: EndpointIpam,
    pub(super) links: NotDone<Vec<String>>,
    pub(super) driver_opts: NotDone<StringMap>,
    pub(super) gw_priority: NotDone<i64>,
    #[serde(rename = "NetworkID")]
    pub(super) network_id: NotDone<String>,
    #[serde(rename = "EndpointID")]
    pub(super) endpoint_id: NotDone<String>,
    pub(super) gateway: NotDone<String>,
    #[serde(rename = "IPAddress")]
    pub(super) ip_address: NotDone<String>,
    #[serde(rename = "IPPrefixLen")]
    pub(super) ip_prefix_len: NotDone<u32>,
    #[serde(rename = "IPv6Gateway")]
    pub(super) ipv6_gateway: NotDone<String>,
    #[serde(rename = "GlobalIPv6Address")]
    pub(super) global_ipv6_address: NotDone<String>,
    #[serde(rename = "GlobalIPv6PrefixLen")]
    pub(super) global_ipv6_prefix_len: NotDone<u32>,
    #[serde(rename = "DNSNames")]
    pub(super) dns_names: NotDone<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EndpointIpam {
    #[serde(rename = "IPv4Address")]
    pub(super) ipv4: String,
    #[serde(rename = "IPv6Address")]
    pub(super) ipv6: String,
    #[serde(rename = "LinkLocalIPs")]
    pub(super) link_local_ips: Vec<String>,
}
