//! All about a container: the reports of `inspect`. The JSON, names and order of fields are `podman inspect`'s.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ContainerState, GraphDriver, Timestamp, zero_time};

/// All about a container. JSON: `podman inspect`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct ContainerInspect {
    #[serde(rename = "Id")]
    pub id: String,
    #[serde(rename = "Created")]
    pub created: Timestamp,
    #[serde(rename = "Path")]
    pub path: String,
    #[serde(rename = "Args")]
    pub args: Vec<String>,
    #[serde(rename = "State")]
    pub state: ContainerInspectState,
    #[serde(rename = "Image")]
    pub image: String,
    #[serde(rename = "ImageDigest")]
    pub image_digest: String,
    #[serde(rename = "ImageName")]
    pub image_name: String,
    #[serde(rename = "Rootfs")]
    pub rootfs: String,
    #[serde(rename = "Pod")]
    pub pod: String,
    #[serde(rename = "ResolvConfPath")]
    pub resolv_conf_path: String,
    #[serde(rename = "HostnamePath")]
    pub hostname_path: String,
    #[serde(rename = "HostsPath")]
    pub hosts_path: String,
    #[serde(rename = "StaticDir")]
    pub static_dir: String,
    #[serde(rename = "OCIConfigPath", skip_serializing_if = "String::is_empty")]
    pub oci_config_path: String,
    #[serde(rename = "OCIRuntime", skip_serializing_if = "String::is_empty")]
    pub oci_runtime: String,
    #[serde(rename = "ConmonPidFile")]
    pub conmon_pid_file: String,
    #[serde(rename = "PidFile")]
    pub pid_file: String,
    #[serde(rename = "Name")]
    pub name: String,
    #[serde(rename = "RestartCount")]
    pub restart_count: i32,
    #[serde(rename = "Driver")]
    pub driver: String,
    #[serde(rename = "MountLabel")]
    pub mount_label: String,
    #[serde(rename = "ProcessLabel")]
    pub process_label: String,
    #[serde(rename = "AppArmorProfile")]
    pub app_armor_profile: String,
    #[serde(rename = "EffectiveCaps")]
    pub effective_caps: Vec<String>,
    #[serde(rename = "BoundingCaps")]
    pub bounding_caps: Vec<String>,
    #[serde(rename = "ExecIDs")]
    pub exec_ids: Vec<String>,
    #[serde(rename = "GraphDriver")]
    pub graph_driver: GraphDriver,
    #[serde(rename = "SizeRw", skip_serializing_if = "Option::is_none")]
    pub size_rw: Option<i64>,
    #[serde(rename = "SizeRootFs", skip_serializing_if = "is_zero")]
    pub size_root_fs: i64,
    #[serde(rename = "Mounts")]
    pub mounts: Vec<InspectMount>,
    #[serde(rename = "Dependencies")]
    pub dependencies: Vec<String>,
    #[serde(rename = "NetworkSettings")]
    pub network_settings: InspectNetworkSettings,
    #[serde(rename = "Namespace")]
    pub namespace: String,
    #[serde(rename = "IsInfra")]
    pub is_infra: bool,
    #[serde(rename = "IsService")]
    pub is_service: bool,
    #[serde(rename = "KubeExitCodePropagation")]
    pub kube_exit_code_propagation: String,
    #[serde(rename = "lockNumber")]
    pub lock_number: u32,
    #[serde(rename = "Config")]
    pub config: ContainerInspectConfig,
    #[serde(rename = "HostConfig")]
    pub host_config: ContainerInspectHostConfig,
    #[serde(rename = "UseImageHosts")]
    pub use_image_hosts: bool,
    #[serde(rename = "UseImageHostname")]
    pub use_image_hostname: bool,
}

impl Default for ContainerInspect {
    fn default() -> Self {
        Self {
            id: Default::default(),
            created: zero_time(),
            path: Default::default(),
            args: Default::default(),
            state: Default::default(),
            image: Default::default(),
            image_digest: Default::default(),
            image_name: Default::default(),
            rootfs: Default::default(),
            pod: Default::default(),
            resolv_conf_path: Default::default(),
            hostname_path: Default::default(),
            hosts_path: Default::default(),
            static_dir: Default::default(),
            oci_config_path: Default::default(),
            oci_runtime: Default::default(),
            conmon_pid_file: Default::default(),
            pid_file: Default::default(),
            name: Default::default(),
            restart_count: Default::default(),
            driver: Default::default(),
            mount_label: Default::default(),
            process_label: Default::default(),
            app_armor_profile: Default::default(),
            effective_caps: Default::default(),
            bounding_caps: Default::default(),
            exec_ids: Default::default(),
            graph_driver: Default::default(),
            size_rw: Default::default(),
            size_root_fs: Default::default(),
            mounts: Default::default(),
            dependencies: Default::default(),
            network_settings: Default::default(),
            namespace: Default::default(),
            is_infra: Default::default(),
            is_service: Default::default(),
            kube_exit_code_propagation: Default::default(),
            lock_number: Default::default(),
            config: Default::default(),
            host_config: Default::default(),
            use_image_hosts: Default::default(),
            use_image_hostname: Default::default(),
        }
    }
}

/// The state of a container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct ContainerInspectState {
    #[serde(rename = "OciVersion")]
    pub oci_version: String,
    #[serde(rename = "Status")]
    pub status: ContainerState,
    #[serde(rename = "Running")]
    pub running: bool,
    #[serde(rename = "Paused")]
    pub paused: bool,
    #[serde(rename = "Restarting")]
    pub restarting: bool,
    #[serde(rename = "OOMKilled")]
    pub oom_killed: bool,
    #[serde(rename = "Dead")]
    pub dead: bool,
    #[serde(rename = "Pid")]
    pub pid: i32,
    #[serde(rename = "ConmonPid", skip_serializing_if = "is_zero")]
    pub conmon_pid: i32,
    #[serde(rename = "ExitCode")]
    pub exit_code: i32,
    #[serde(rename = "Error")]
    pub error: String,
    #[serde(rename = "StartedAt")]
    pub started_at: Timestamp,
    #[serde(rename = "FinishedAt")]
    pub finished_at: Timestamp,
    #[serde(rename = "Health", skip_serializing_if = "Option::is_none")]
    pub health: Option<InspectHealth>,
    #[serde(rename = "Checkpointed", skip_serializing_if = "std::ops::Not::not")]
    pub checkpointed: bool,
    #[serde(rename = "CgroupPath", skip_serializing_if = "String::is_empty")]
    pub cgroup_path: String,
    #[serde(rename = "CheckpointedAt")]
    pub checkpointed_at: Timestamp,
    #[serde(rename = "RestoredAt")]
    pub restored_at: Timestamp,
    #[serde(rename = "CheckpointLog", skip_serializing_if = "String::is_empty")]
    pub checkpoint_log: String,
    #[serde(rename = "CheckpointPath", skip_serializing_if = "String::is_empty")]
    pub checkpoint_path: String,
    #[serde(rename = "RestoreLog", skip_serializing_if = "String::is_empty")]
    pub restore_log: String,
    #[serde(rename = "Restored", skip_serializing_if = "std::ops::Not::not")]
    pub restored: bool,
    #[serde(rename = "StoppedByUser", skip_serializing_if = "std::ops::Not::not")]
    pub stopped_by_user: bool,
}

impl Default for ContainerInspectState {
    fn default() -> Self {
        Self {
            oci_version: Default::default(),
            status: Default::default(),
            running: Default::default(),
            paused: Default::default(),
            restarting: Default::default(),
            oom_killed: Default::default(),
            dead: Default::default(),
            pid: Default::default(),
            conmon_pid: Default::default(),
            exit_code: Default::default(),
            error: Default::default(),
            started_at: zero_time(),
            finished_at: zero_time(),
            health: Default::default(),
            checkpointed: Default::default(),
            cgroup_path: Default::default(),
            checkpointed_at: zero_time(),
            restored_at: zero_time(),
            checkpoint_log: Default::default(),
            checkpoint_path: Default::default(),
            restore_log: Default::default(),
            restored: Default::default(),
            stopped_by_user: Default::default(),
        }
    }
}

/// What the container is, whatever the host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct ContainerInspectConfig {
    #[serde(rename = "Hostname")]
    pub hostname: String,
    #[serde(rename = "Domainname")]
    pub domain_name: String,
    #[serde(rename = "User")]
    pub user: String,
    #[serde(rename = "AttachStdin")]
    pub attach_stdin: bool,
    #[serde(rename = "AttachStdout")]
    pub attach_stdout: bool,
    #[serde(rename = "AttachStderr")]
    pub attach_stderr: bool,
    #[serde(rename = "Tty")]
    pub tty: bool,
    #[serde(rename = "OpenStdin")]
    pub open_stdin: bool,
    #[serde(rename = "StdinOnce")]
    pub stdin_once: bool,
    #[serde(rename = "Env")]
    pub env: Vec<String>,
    #[serde(rename = "Cmd")]
    pub cmd: Vec<String>,
    #[serde(rename = "Image")]
    pub image: String,
    #[serde(rename = "Volumes")]
    pub volumes: BTreeMap<String, serde_json::Value>,
    #[serde(rename = "WorkingDir")]
    pub working_dir: String,
    #[serde(rename = "Entrypoint")]
    pub entrypoint: Vec<String>,
    #[serde(rename = "OnBuild")]
    pub on_build: Option<String>,
    #[serde(rename = "Labels")]
    pub labels: BTreeMap<String, String>,
    #[serde(rename = "Annotations")]
    pub annotations: BTreeMap<String, String>,
    #[serde(rename = "StopSignal")]
    pub stop_signal: String,
    #[serde(rename = "StartupHealthCheck", skip_serializing_if = "Option::is_none")]
    pub startup_health_check: Option<serde_json::Value>,
    #[serde(rename = "Healthcheck", skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<serde_json::Value>,
    #[serde(rename = "HealthcheckOnFailureAction", skip_serializing_if = "String::is_empty")]
    pub healthcheck_on_failure_action: String,
    #[serde(rename = "HealthLogDestination", skip_serializing_if = "String::is_empty")]
    pub health_log_destination: String,
    #[serde(rename = "HealthcheckMaxLogCount", skip_serializing_if = "is_zero")]
    pub health_max_log_count: u32,
    #[serde(rename = "HealthcheckMaxLogSize", skip_serializing_if = "is_zero")]
    pub health_max_log_size: u32,
    #[serde(rename = "CreateCommand", skip_serializing_if = "Vec::is_empty")]
    pub create_command: Vec<String>,
    #[serde(rename = "Timezone", skip_serializing_if = "String::is_empty")]
    pub timezone: String,
    #[serde(rename = "SystemdMode", skip_serializing_if = "std::ops::Not::not")]
    pub systemd_mode: bool,
    #[serde(rename = "Umask", skip_serializing_if = "String::is_empty")]
    pub umask: String,
    #[serde(rename = "Secrets", skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<InspectSecret>,
    #[serde(rename = "Timeout")]
    pub timeout: u32,
    #[serde(rename = "StopTimeout")]
    pub stop_timeout: u32,
    #[serde(rename = "Passwd", skip_serializing_if = "Option::is_none")]
    pub passwd: Option<bool>,
    #[serde(rename = "ChrootDirs", skip_serializing_if = "Vec::is_empty")]
    pub chroot_dirs: Vec<String>,
    #[serde(rename = "sdNotifyMode", skip_serializing_if = "String::is_empty")]
    pub sd_notify_mode: String,
    #[serde(rename = "sdNotifySocket", skip_serializing_if = "String::is_empty")]
    pub sd_notify_socket: String,
    #[serde(rename = "ExposedPorts", skip_serializing_if = "BTreeMap::is_empty")]
    pub exposed_ports: BTreeMap<String, serde_json::Value>,
}

/// How the container meets its host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct ContainerInspectHostConfig {
    #[serde(rename = "Binds")]
    pub binds: Vec<String>,
    #[serde(rename = "CgroupManager", skip_serializing_if = "String::is_empty")]
    pub cgroup_manager: String,
    #[serde(rename = "CgroupMode")]
    pub cgroup_mode: String,
    #[serde(rename = "ContainerIDFile")]
    pub container_id_file: String,
    #[serde(rename = "LogConfig")]
    pub log_config: InspectLogConfig,
    #[serde(rename = "NetworkMode")]
    pub network_mode: String,
    #[serde(rename = "PortBindings")]
    pub port_bindings: BTreeMap<String, Vec<InspectHostPort>>,
    #[serde(rename = "RestartPolicy")]
    pub restart_policy: InspectRestartPolicy,
    #[serde(rename = "AutoRemove")]
    pub auto_remove: bool,
    #[serde(rename = "AutoRemoveImage")]
    pub auto_remove_image: bool,
    #[serde(rename = "Annotations")]
    pub annotations: BTreeMap<String, String>,
    #[serde(rename = "VolumeDriver")]
    pub volume_driver: String,
    #[serde(rename = "VolumesFrom")]
    pub volumes_from: Vec<String>,
    #[serde(rename = "CapAdd")]
    pub cap_add: Vec<String>,
    #[serde(rename = "CapDrop")]
    pub cap_drop: Vec<String>,
    #[serde(rename = "Dns")]
    pub dns: Vec<String>,
    #[serde(rename = "DnsOptions")]
    pub dns_options: Vec<String>,
    #[serde(rename = "DnsSearch")]
    pub dns_search: Vec<String>,
    #[serde(rename = "ExtraHosts")]
    pub extra_hosts: Vec<String>,
    #[serde(rename = "HostsFile")]
    pub hosts_file: String,
    #[serde(rename = "GroupAdd")]
    pub group_add: Vec<String>,
    #[serde(rename = "IpcMode")]
    pub ipc_mode: String,
    #[serde(rename = "Cgroup")]
    pub cgroup: String,
    #[serde(rename = "Cgroups")]
    pub cgroups: String,
    #[serde(rename = "Links")]
    pub links: Vec<String>,
    #[serde(rename = "OomScoreAdj")]
    pub oom_score_adj: i32,
    #[serde(rename = "PidMode")]
    pub pid_mode: String,
    #[serde(rename = "Privileged")]
    pub privileged: bool,
    #[serde(rename = "PublishAllPorts")]
    pub publish_all_ports: bool,
    #[serde(rename = "ReadonlyRootfs")]
    pub readonly_rootfs: bool,
    #[serde(rename = "SecurityOpt")]
    pub security_opt: Vec<String>,
    #[serde(rename = "Tmpfs")]
    pub tmpfs: BTreeMap<String, String>,
    #[serde(rename = "UTSMode")]
    pub uts_mode: String,
    #[serde(rename = "UsernsMode")]
    pub userns_mode: String,
    #[serde(rename = "IDMappings", skip_serializing_if = "Option::is_none")]
    pub id_mappings: Option<InspectIDMappings>,
    #[serde(rename = "ShmSize")]
    pub shm_size: i64,
    #[serde(rename = "Runtime")]
    pub runtime: String,
    #[serde(rename = "ConsoleSize")]
    pub console_size: Vec<u32>,
    #[serde(rename = "Isolation")]
    pub isolation: String,
    #[serde(rename = "CpuShares")]
    pub cpu_shares: u64,
    #[serde(rename = "Memory")]
    pub memory: i64,
    #[serde(rename = "NanoCpus")]
    pub nano_cpus: i64,
    #[serde(rename = "CgroupParent")]
    pub cgroup_parent: String,
    #[serde(rename = "BlkioWeight")]
    pub blkio_weight: u16,
    #[serde(rename = "BlkioWeightDevice")]
    pub blkio_weight_device: Vec<InspectBlkioWeightDevice>,
    #[serde(rename = "BlkioDeviceReadBps")]
    pub blkio_device_read_bps: Vec<InspectBlkioThrottleDevice>,
    #[serde(rename = "BlkioDeviceWriteBps")]
    pub blkio_device_write_bps: Vec<InspectBlkioThrottleDevice>,
    #[serde(rename = "BlkioDeviceReadIOps")]
    pub blkio_device_read_iops: Vec<InspectBlkioThrottleDevice>,
    #[serde(rename = "BlkioDeviceWriteIOps")]
    pub blkio_device_write_iops: Vec<InspectBlkioThrottleDevice>,
    #[serde(rename = "CpuPeriod")]
    pub cpu_period: u64,
    #[serde(rename = "CpuQuota")]
    pub cpu_quota: i64,
    #[serde(rename = "CpuRealtimePeriod")]
    pub cpu_realtime_period: u64,
    #[serde(rename = "CpuRealtimeRuntime")]
    pub cpu_realtime_runtime: i64,
    #[serde(rename = "CpusetCpus")]
    pub cpuset_cpus: String,
    #[serde(rename = "CpusetMems")]
    pub cpuset_mems: String,
    #[serde(rename = "Devices")]
    pub devices: Vec<InspectDevice>,
    #[serde(rename = "DiskQuota")]
    pub disk_quota: u64,
    #[serde(rename = "KernelMemory")]
    pub kernel_memory: i64,
    #[serde(rename = "MemoryReservation")]
    pub memory_reservation: i64,
    #[serde(rename = "MemorySwap")]
    pub memory_swap: i64,
    #[serde(rename = "MemorySwappiness")]
    pub memory_swappiness: Option<i64>,
    #[serde(rename = "OomKillDisable")]
    pub oom_kill_disable: bool,
    #[serde(rename = "Init", skip_serializing_if = "std::ops::Not::not")]
    pub init: bool,
    #[serde(rename = "PidsLimit")]
    pub pids_limit: i64,
    #[serde(rename = "Ulimits")]
    pub ulimits: Vec<InspectUlimit>,
    #[serde(rename = "CpuCount")]
    pub cpu_count: u64,
    #[serde(rename = "CpuPercent")]
    pub cpu_percent: u64,
    #[serde(rename = "IOMaximumIOps")]
    pub io_maximum_iops: u64,
    #[serde(rename = "IOMaximumBandwidth")]
    pub io_maximum_bandwidth: u64,
    #[serde(rename = "CgroupConf")]
    pub cgroup_conf: BTreeMap<String, String>,
    #[serde(rename = "IntelRdtClosID", skip_serializing_if = "String::is_empty")]
    pub intel_rdt_clos_id: String,
}

/// When it is started again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectRestartPolicy {
    #[serde(rename = "Name")]
    pub name: String,
    #[serde(rename = "MaximumRetryCount")]
    pub maximum_retry_count: u32,
}

/// Where its output goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectLogConfig {
    #[serde(rename = "Type")]
    pub kind: String,
    #[serde(rename = "Config")]
    pub config: BTreeMap<String, String>,
    #[serde(rename = "Path")]
    pub path: String,
    #[serde(rename = "Tag")]
    pub tag: String,
    #[serde(rename = "Size")]
    pub size: String,
}

/// A resource limit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectUlimit {
    #[serde(rename = "Name")]
    pub name: String,
    #[serde(rename = "Soft")]
    pub soft: i64,
    #[serde(rename = "Hard")]
    pub hard: i64,
}

/// A device of the host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectDevice {
    #[serde(rename = "PathOnHost")]
    pub path_on_host: String,
    #[serde(rename = "PathInContainer")]
    pub path_in_container: String,
    #[serde(rename = "CgroupPermissions")]
    pub cgroup_permissions: String,
}

/// Where a port is published.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectHostPort {
    #[serde(rename = "HostIp")]
    pub host_ip: String,
    #[serde(rename = "HostPort")]
    pub host_port: String,
}

/// A mount.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectMount {
    #[serde(rename = "Type")]
    pub kind: String,
    #[serde(rename = "Name", skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(rename = "Source")]
    pub source: String,
    #[serde(rename = "Destination")]
    pub destination: String,
    #[serde(rename = "Driver")]
    pub driver: String,
    #[serde(rename = "Mode")]
    pub mode: String,
    #[serde(rename = "Options")]
    pub options: Vec<String>,
    #[serde(rename = "RW")]
    pub rw: bool,
    #[serde(rename = "Propagation")]
    pub propagation: String,
    #[serde(rename = "SubPath", skip_serializing_if = "String::is_empty")]
    pub sub_path: String,
}

/// Id ranges of its user namespace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectIDMappings {
    #[serde(rename = "UidMap")]
    pub uid_map: Vec<String>,
    #[serde(rename = "GidMap")]
    pub gid_map: Vec<String>,
}

/// A further address.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectAddress {
    #[serde(rename = "Addr")]
    pub addr: String,
    #[serde(rename = "PrefixLength")]
    pub prefix_length: i32,
}

/// Addresses on one network.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectBasicNetworkConfig {
    #[serde(rename = "EndpointID")]
    pub endpoint_id: String,
    #[serde(rename = "Gateway")]
    pub gateway: String,
    #[serde(rename = "IPAddress")]
    pub ip_address: String,
    #[serde(rename = "IPPrefixLen")]
    pub ip_prefix_len: i32,
    #[serde(rename = "SecondaryIPAddresses", skip_serializing_if = "Vec::is_empty")]
    pub secondary_ip_addresses: Vec<InspectAddress>,
    #[serde(rename = "IPv6Gateway")]
    pub ipv6_gateway: String,
    #[serde(rename = "GlobalIPv6Address")]
    pub global_ipv6_address: String,
    #[serde(rename = "GlobalIPv6PrefixLen")]
    pub global_ipv6_prefix_len: i32,
    #[serde(rename = "SecondaryIPv6Addresses", skip_serializing_if = "Vec::is_empty")]
    pub secondary_ipv6_addresses: Vec<InspectAddress>,
    #[serde(rename = "MacAddress")]
    pub mac_address: String,
    #[serde(rename = "AdditionalMACAddresses", skip_serializing_if = "Vec::is_empty")]
    pub additional_mac_addresses: Vec<String>,
}

/// One network of a container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectAdditionalNetwork {
    #[serde(flatten)]
    pub basic: InspectBasicNetworkConfig,
    #[serde(rename = "NetworkID", skip_serializing_if = "String::is_empty")]
    pub network_id: String,
    #[serde(rename = "DriverOpts")]
    pub driver_opts: BTreeMap<String, String>,
    #[serde(rename = "IPAMConfig")]
    pub ipam_config: BTreeMap<String, String>,
    #[serde(rename = "Links")]
    pub links: Vec<String>,
    #[serde(rename = "Aliases", skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

/// Its networks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectNetworkSettings {
    #[serde(flatten)]
    pub basic: InspectBasicNetworkConfig,
    #[serde(rename = "Bridge")]
    pub bridge: String,
    #[serde(rename = "SandboxID")]
    pub sandbox_id: String,
    #[serde(rename = "HairpinMode")]
    pub hairpin_mode: bool,
    #[serde(rename = "LinkLocalIPv6Address")]
    pub link_local_ipv6_address: String,
    #[serde(rename = "LinkLocalIPv6PrefixLen")]
    pub link_local_ipv6_prefix_len: i32,
    #[serde(rename = "Ports")]
    pub ports: BTreeMap<String, Vec<InspectHostPort>>,
    #[serde(rename = "SandboxKey")]
    pub sandbox_key: String,
    #[serde(rename = "Networks", skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<String, InspectAdditionalNetwork>,
}

/// Weight of a block device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectBlkioWeightDevice {
    #[serde(rename = "Path")]
    pub path: String,
    #[serde(rename = "Weight")]
    pub weight: u16,
}

/// Rate limit of a block device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectBlkioThrottleDevice {
    #[serde(rename = "Path")]
    pub path: String,
    #[serde(rename = "Rate")]
    pub rate: u64,
}

/// What the health checks found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectHealth {
    #[serde(rename = "Status")]
    pub status: String,
    #[serde(rename = "FailingStreak")]
    pub failing_streak: i32,
    #[serde(rename = "Log")]
    pub log: Vec<InspectHealthLog>,
}

/// One health check.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectHealthLog {
    #[serde(rename = "Start")]
    pub start: String,
    #[serde(rename = "End")]
    pub end: String,
    #[serde(rename = "ExitCode")]
    pub exit_code: i32,
    #[serde(rename = "Output")]
    pub output: String,
}

/// A secret it was given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectSecret {
    #[serde(rename = "Name")]
    pub name: String,
    #[serde(rename = "ID")]
    pub id: String,
    #[serde(rename = "UID")]
    pub uid: u32,
    #[serde(rename = "GID")]
    pub gid: u32,
    #[serde(rename = "Mode")]
    pub mode: u32,
}

fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}
