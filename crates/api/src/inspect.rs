//! All about a container: the reports of `inspect`. The JSON, names and order of fields are `podman inspect`'s.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::is_zero;
use crate::{ContainerState, GraphDriver, Timestamp, zero_time};

mod host;
mod network;

pub use host::*;
pub use network::*;

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
