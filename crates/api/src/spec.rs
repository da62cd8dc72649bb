//! What a container is to be: the request of `create`. JSON: libpod's `SpecGenerator`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::{NotDone, is_zero};
use crate::{
    HealthAction, HealthConfig, PerNetworkOptions, PortMapping, SecretFile, StartupHealthCheck, StringMap,
};

mod ids;
mod limits;
mod mounts;

pub use ids::*;
pub use limits::*;
pub use mounts::*;

/// Everything about a container to be made. A `None` or empty field takes the image's or the engine's default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "fields are named after the flags of podman-create(1), which documents them")]
pub struct ContainerSpec {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Name, id or partial id of the pod it is to be in.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pod: String,
    /// `None`: the image's; an empty list clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_host: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub httpproxy: Option<bool>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: StringMap,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsetenv: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsetenvall: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdin: Option<bool>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: StringMap,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: StringMap,
    /// A signal number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<i32>,
    /// Seconds between the stop signal and SIGKILL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_timeout: Option<u32>,
    /// Seconds after which the container is killed; 0 is never.
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_configuration: Option<LogConfig>,
    /// `no`, `always`, `on-failure`, `unless-stopped` or empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub restart_policy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_tries: Option<u32>,
    /// Name or path of the OCI runtime.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub oci_runtime: String,
    pub pidns: Namespace,
    pub utsns: Namespace,
    pub ipcns: Namespace,
    pub userns: Namespace,
    pub cgroupns: Namespace,
    pub netns: Namespace,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sysctl: StringMap,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove: Option<bool>,
    #[serde(rename = "removeImage", skip_serializing_if = "Option::is_none")]
    pub remove_image: Option<bool>,
    /// The command line that made the container, for `inspect`.
    #[serde(rename = "containerCreateCommand", skip_serializing_if = "Vec::is_empty")]
    pub create_command: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub timezone: String,
    #[serde(rename = "manage_password", skip_serializing_if = "Option::is_none")]
    pub passwd: Option<bool>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub passwd_entry: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group_entry: String,

    /// Name, id or partial id of an image in the store.
    pub image: String,
    /// The image as the user wrote it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub raw_image_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image_os: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image_arch: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image_variant: String,
    /// A directory to use as root file system instead of an image.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rootfs: String,
    /// `anonymous` (default), `tmpfs` or `ignore`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image_volume_mode: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes_from: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<bool>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub init_path: String,
    /// Bind and tmpfs mounts in OCI form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// Sources of bind mounts that become folders where they are missing, as in Docker.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub create_bind_sources: Vec<String>,
    /// Named and anonymous (empty name) volumes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<NamedVolume>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Device>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<i64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub work_dir: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_working_dir: Option<bool>,

    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileged: Option<bool>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cap_add: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cap_drop: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub selinux_opts: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub apparmor_profile: String,
    /// A path on the engine's host, or `unconfined`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub seccomp_profile_path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_new_privileges: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only_filesystem: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_write_tmpfs: Option<bool>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub umask: String,
    #[serde(rename = "procfs_opts", skip_serializing_if = "Vec::is_empty")]
    pub proc_opts: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mask: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmask: Vec<String>,

    /// `enabled`, `disabled`, `no-conmon`, `split` or empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cgroups_mode: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cgroup_parent: String,

    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub portmappings: Vec<PortMapping>,
    /// `-P`: publish every exposed port on a free host port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish_image_ports: Option<bool>,
    /// Port to protocol(s), comma-separated.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub expose: BTreeMap<u16, String>,
    #[serde(rename = "Networks", skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<String, PerNetworkOptions>,
    /// Networks by their names alone, as clients of libpod before version 4 have them, and podman-py to this day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cni_networks: Vec<String>,
    /// `none` leaves the image's resolv.conf alone.
    #[serde(rename = "use_image_resolve_conf", skip_serializing_if = "Option::is_none")]
    pub use_image_resolv_conf: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_server: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_search: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_option: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_image_hosts: Option<bool>,
    /// `name:ip` entries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hostadd: Vec<String>,
    /// Options of the rootless network program, keyed by its name (`pasta`, `slirp4netns`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub network_options: BTreeMap<String, Vec<String>>,

    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_limits: Option<Resources>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub r_limits: Vec<Rlimit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oom_score_adj: Option<i32>,

    /// The order of the networks' interfaces; only their names' own order is done.
    #[serde(rename = "networkOrder", skip_serializing_if = "Vec::is_empty")]
    pub network_order: Vec<String>,
    /// Leave /etc/hostname as the image has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_image_hostname: Option<bool>,
    /// Preparations for systemd as the command: `false`, or `true` where the command is something else.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub systemd: String,
    /// Secrets that become files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretFile>,
    /// Variables and the secrets that are their values.
    #[serde(skip_serializing_if = "StringMap::is_empty")]
    pub secret_env: StringMap,
    /// The health check; without a test the image's, with what is not 0 here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthconfig: Option<HealthConfig>,
    /// What is done when it turns unhealthy.
    #[serde(skip_serializing_if = "HealthAction::is_none")]
    pub health_check_on_failure_action: HealthAction,
    /// The check that must succeed before the other begins.
    #[serde(rename = "startupHealthConfig", skip_serializing_if = "Option::is_none")]
    pub startup_health_config: Option<StartupHealthCheck>,
    /// Where the results are kept: a folder, `local` or `events_logger`.
    #[serde(rename = "healthLogDestination", skip_serializing_if = "String::is_empty")]
    pub health_log_destination: String,
    /// Most results that are kept; 0 is no limit.
    #[serde(rename = "healthMaxLogCount", skip_serializing_if = "Option::is_none")]
    pub health_max_log_count: Option<u32>,
    /// Most bytes of a result's output; 0 is no limit.
    #[serde(rename = "healthMaxLogSize", skip_serializing_if = "Option::is_none")]
    pub health_max_log_size: Option<u32>,

    #[serde(skip_serializing_if = "String::is_empty")]
    pub conmon_pid_file: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hostusers: Vec<String>,
    #[serde(rename = "dependencyContainers", skip_serializing_if = "Vec::is_empty")]
    pub dependency_containers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub personality: Option<Personality>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub envmerge: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_cgroup_rule: Vec<DeviceCgroup>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chroot_directories: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub seccomp_policy: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub base_hosts_file: String,
    #[serde(rename = "intelRdt", skip_serializing_if = "Option::is_none")]
    pub intel_rdt: Option<IntelRdt>,
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
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unified: Unified,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overlay_volumes: Vec<OverlayVolume>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_volumes: Vec<ImageVolume>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rootfs_overlay: Option<bool>,
    #[serde(rename = "sdnotifyMode", skip_serializing_if = "String::is_empty")]
    pub sdnotify_mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idmappings: Option<IdMappings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size_systemd: Option<i64>,
    /// File that gets the pid of the first process (local engine only).
    #[serde(skip)]
    pub pid_file: String,
    /// Descriptors of the caller that the first process gets under their numbers (local engine only).
    #[serde(skip)]
    pub preserve_fds: Vec<u32>,
    /// Graphics processors by what their vendor calls them, or `all`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<String>,
    /// `always` or `once`: runs to its end before the other containers of its pod start.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub init_container_type: String,
    // From here on: what is not done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rootfs_mapping: String,
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub artifact_volumes: NotDone<Vec<ArtifactVolume>>,
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub devices_from: NotDone<Vec<String>>,
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub host_device_list: NotDone<Vec<Device>>,
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub storage_opts: NotDone<StringMap>,
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub rootfs_propagation: NotDone<String>,
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub volatile: NotDone<bool>,
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub label_nested: NotDone<bool>,
}

impl ContainerSpec {
    /// That a service can do it.
    ///
    /// # Errors
    /// It asks for something that only an engine in the caller's own process can do.
    pub fn check_for_service(&self) -> crate::Result<()> {
        for (option, asked) in [
            ("preserve-fds", !self.preserve_fds.is_empty()),
            ("pidfile", !self.pid_file.is_empty()),
            (
                "group-add=keep-groups",
                self.groups.iter().flat_map(|groups| groups.split(',')).any(|group| group == "keep-groups"),
            ),
        ] {
            if asked {
                return Err(crate::Error::unsupported(format!(
                    "--{option} is not supported in remote mode: run the command on the service's host"
                )));
            }
        }
        Ok(())
    }
}

/// Which namespace of a kind to use. JSON: `{"nsmode": "...", "value": "..."}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Namespace {
    /// Empty or `default`, `host`, `private`, `container`, `path`, `pod`, `none` (ipc, net), `shareable` (ipc),
    /// `bridge`, `pasta`, `slirp4netns` (net), `auto`, `keep-id`, `nomap` (user).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub nsmode: String,
    /// The container for `container`, the path for `path`, options for the user namespace modes. For `default` (net)
    /// what that is where containers.conf says nothing: `bridge`, else what suits the user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
}

impl Namespace {
    /// A namespace of `mode` without a value.
    pub fn new(mode: impl Into<String>) -> Self {
        Self { nsmode: mode.into(), value: String::new() }
    }
    /// True where the user chose nothing.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.nsmode.is_empty() || self.nsmode == "default"
    }
    /// True for the host's namespace.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.nsmode == "host"
    }
}

/// How a container's output is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LogConfig {
    /// `k8s-file` (and its alias `json-file`), `none`, `passthrough`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// The log file, where not the default one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Bytes after which the log is cut; 0 or less is never.
    #[serde(skip_serializing_if = "is_zero")]
    pub size: i64,
    /// Driver options such as `tag`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: StringMap,
    /// Labels of the journal.
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub labels: NotDone<StringMap>,
}

/// A device node. For a path only `path` is set: `HOST[:CONTAINER[:rwm]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Device {
    /// The path, or the three parts with colons.
    pub path: String,
    /// `c`, `b`, `p` or empty.
    #[serde(rename = "type")]
    pub kind: String,
    /// Major number.
    pub major: i64,
    /// Minor number.
    pub minor: i64,
    /// Permissions of the node.
    #[serde(rename = "fileMode", skip_serializing_if = "NotDone::is_absent")]
    pub file_mode: NotDone<u32>,
    /// Its owner.
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub uid: NotDone<u32>,
    /// Its group.
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub gid: NotDone<u32>,
}

/// The execution domain of the process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "named as in the OCI runtime specification")]
pub struct Personality {
    pub domain: String,
    pub flags: Vec<String>,
}
