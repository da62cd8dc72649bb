//! What the database keeps of each object, as versioned JSON documents.
//!
//! A field is only ever added, with a default; a change of meaning raises the version.

use std::collections::BTreeMap;

use cove_api::{
    ContainerSpec, ExecSpec, ImageConfig, NetworkStatus, PerNetworkOptions, PortMapping, StringMap,
};
use serde::{Deserialize, Serialize};

/// The version of [`ContainerConfig`] and [`ContainerStatus`] that this code writes.
pub const RECORD_VERSION: u32 = 1;

/// What a container is: the request and everything that `create` has resolved. It does not change afterwards but
/// for the name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerConfig {
    /// [`RECORD_VERSION`].
    pub version: u32,
    /// The request.
    pub spec: ContainerSpec,
    /// The image it was made from.
    pub image: ImageFacts,
    /// Entrypoint and command as they are run.
    pub arguments: Vec<String>,
    /// The entrypoint part of [`ContainerConfig::arguments`].
    pub entrypoint: Vec<String>,
    /// The command part of [`ContainerConfig::arguments`].
    pub command: Vec<String>,
    /// The whole environment, `NAME=value`.
    pub env: Vec<String>,
    /// Absolute.
    pub work_dir: String,
    /// `user[:group]` as the user or the image wrote it; empty is root.
    pub user: String,
    /// Number of the stop signal.
    pub stop_signal: i32,
    /// Seconds between the stop signal and SIGKILL.
    pub stop_timeout: u32,
    /// Host name inside; empty where the UTS namespace is not its own.
    pub hostname: String,
    /// Labels of image and request together.
    pub labels: StringMap,
    /// Annotations.
    pub annotations: StringMap,
    /// Volumes with their names.
    pub volumes: Vec<ContainerVolume>,
    /// How it is networked.
    pub network: NetworkMode,
    /// Networks by name, for [`NetworkMode::Bridge`].
    pub networks: BTreeMap<String, PerNetworkOptions>,
    /// Published ports with their host ports.
    pub ports: Vec<PortMapping>,
    /// Exposed ports: `80/tcp`.
    pub exposed: Vec<String>,
    /// Log driver.
    pub log_driver: String,
    /// Log file.
    pub log_path: String,
    /// Bytes after which the log is started anew; 0 is never.
    pub log_size: u64,
    /// When it is started again.
    pub restart: RestartPolicy,
    /// `--rm`.
    pub auto_remove: bool,
    /// Absolute path of the OCI runtime.
    pub runtime: String,
    /// Ids of containers whose namespaces or volumes it uses.
    pub dependencies: Vec<String>,
}

/// What a container remembers of its image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageFacts {
    /// The id; empty for `--rootfs`.
    pub id: String,
    /// The name it was found by, whole.
    pub name: String,
    /// Digest of the manifest.
    pub digest: String,
    /// The run-time part of its configuration.
    pub config: ImageConfig,
}

/// A volume in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerVolume {
    /// The volume.
    pub name: String,
    /// Where it is mounted.
    pub destination: String,
    /// Mount options.
    pub options: Vec<String>,
    /// A directory in it, in place of its root.
    pub sub_path: String,
    /// It was made with the container and goes with it.
    pub anonymous: bool,
}

/// How a container is networked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMode {
    /// Its own namespace on networks.
    #[default]
    Bridge,
    /// Its own namespace, and nothing in it but the loopback.
    None,
    /// The host's namespace.
    Host,
    /// Another container's (its id).
    Container(String),
    /// The namespace at a path.
    Path(String),
    /// Its own, connected by pasta.
    Pasta,
    /// Its own, connected by slirp4netns.
    Slirp,
    /// Its own, which the user sets up.
    Private,
}

/// When a container is started again by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RestartPolicy {
    /// `no`, `always`, `on-failure`, `unless-stopped` or empty.
    pub name: String,
    /// Attempts of `on-failure`; 0 is any number.
    pub tries: u32,
}

/// What became of a container so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerStatus {
    /// [`RECORD_VERSION`].
    pub version: u32,
    /// Which boot of the host the run-time parts belong to.
    pub boot_id: String,
    /// The first process; 0 where there is none.
    pub pid: i32,
    /// Its start time, so that a reused pid is not taken for it.
    pub pid_start: u64,
    /// The monitor; 0 where there is none.
    pub monitor_pid: i32,
    /// Its start time.
    pub monitor_start: u64,
    /// Exit code of the last run.
    pub exit_code: i32,
    /// Nanoseconds since the epoch; 0 is never.
    pub started_at: i64,
    /// Nanoseconds since the epoch; 0 is never.
    pub finished_at: i64,
    /// The kernel killed it for lack of memory.
    pub oom_killed: bool,
    /// Automatic starts.
    pub restarts: u32,
    /// Stopped by a user, which keeps the restart policy from starting it again.
    pub stopped_by_user: bool,
    /// Why the last start failed, or how the exit code got lost.
    pub error: String,
    /// What its networks gave, by name.
    pub networks: BTreeMap<String, NetworkStatus>,
    /// Address under which it reaches the host through a user-mode network; empty where there is none.
    pub host_address: String,
    /// Path of its network namespace; empty where it has none of its own.
    pub netns: String,
    /// Path of the mounted root file system; empty where it is not mounted.
    pub mountpoint: String,
    /// It has run at least once.
    pub ran: bool,
    /// Mounts, network and run-time files are there or half there.
    pub prepared: bool,
    /// The cgroup, relative to the mount of the hierarchy.
    pub cgroup: String,
}

/// An exec session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecRecord {
    /// [`RECORD_VERSION`].
    pub version: u32,
    /// Its id.
    pub id: String,
    /// Its container's id.
    pub container: String,
    /// The request.
    pub spec: ExecSpec,
    /// It has been started.
    pub started: bool,
    /// The process; 0 where there is none.
    pub pid: i32,
    /// Its start time.
    pub pid_start: u64,
    /// Exit code, once it has ended.
    pub exit_code: Option<i32>,
    /// Which boot of the host it belongs to.
    pub boot_id: String,
}

