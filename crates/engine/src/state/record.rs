//! What the database keeps of each object, as versioned JSON documents.
//!
//! A field is only ever added, with a default; a change of meaning raises the version.

use std::collections::BTreeMap;

use cove_api::{
    ContainerSpec, ExecSpec, ExposedPort, ImageConfig, NetworkStatus, PerNetworkOptions, PublishedPort,
    StringMap,
};
use serde::{Deserialize, Serialize};

/// The version of [`ContainerConfig`] and [`ContainerStatus`] that this code writes.
pub(crate) const RECORD_VERSION: u32 = 1;

/// What a container is: the request and everything that `create` has resolved. It does not change afterwards but
/// for the name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerConfig {
    /// [`RECORD_VERSION`].
    pub(crate) version: u32,
    /// The request.
    pub(crate) spec: ContainerSpec,
    /// The image it was made from.
    pub(crate) image: ImageFacts,
    /// Entrypoint and command as they are run.
    pub(crate) arguments: Vec<String>,
    /// The entrypoint part of [`ContainerConfig::arguments`].
    pub(crate) entrypoint: Vec<String>,
    /// The command part of [`ContainerConfig::arguments`].
    pub(crate) command: Vec<String>,
    /// The whole environment, `NAME=value`.
    pub(crate) env: Vec<String>,
    /// Absolute.
    pub(crate) work_dir: String,
    /// `user[:group]` as the user or the image wrote it; empty is root.
    pub(crate) user: String,
    /// Number of the stop signal.
    pub(crate) stop_signal: i32,
    /// Seconds between the stop signal and SIGKILL.
    pub(crate) stop_timeout: u32,
    /// Host name inside; empty where the UTS namespace is not its own.
    pub(crate) hostname: String,
    /// Labels of image and request together.
    pub(crate) labels: StringMap,
    /// Annotations.
    pub(crate) annotations: StringMap,
    /// Volumes with their names.
    pub(crate) volumes: Vec<ContainerVolume>,
    /// How it is networked.
    pub(crate) network: NetworkMode,
    /// Networks by name, for [`NetworkMode::Bridge`].
    pub(crate) networks: BTreeMap<String, PerNetworkOptions>,
    /// Published ports with their host ports.
    #[serde(with = "cove_api::port_ranges")]
    pub(crate) ports: Vec<PublishedPort>,
    /// Exposed ports.
    pub(crate) exposed: Vec<ExposedPort>,
    /// Log driver.
    pub(crate) log_driver: String,
    /// Log file.
    pub(crate) log_path: String,
    /// Bytes after which the log is started anew; 0 is never.
    pub(crate) log_size: u64,
    /// When it is started again.
    pub(crate) restart: RestartPolicy,
    /// `--rm`.
    pub(crate) auto_remove: bool,
    /// Absolute path of the OCI runtime.
    pub(crate) runtime: String,
    /// Ids of containers whose namespaces or volumes it uses.
    pub(crate) dependencies: Vec<String>,
}

/// What a container remembers of its image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ImageFacts {
    /// The id; empty for `--rootfs`.
    pub(crate) id: String,
    /// The name it was found by, whole.
    pub(crate) name: String,
    /// Digest of the manifest.
    pub(crate) digest: String,
    /// The run-time part of its configuration.
    pub(crate) config: ImageConfig,
}

/// A volume in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerVolume {
    /// The volume.
    pub(crate) name: String,
    /// Where it is mounted.
    pub(crate) destination: String,
    /// Mount options.
    pub(crate) options: Vec<String>,
    /// A directory in it, in place of its root.
    pub(crate) sub_path: String,
    /// It was made with the container and goes with it.
    pub(crate) anonymous: bool,
}

/// How a container is networked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NetworkMode {
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
pub(crate) struct RestartPolicy {
    /// `no`, `always`, `on-failure`, `unless-stopped` or empty.
    pub(crate) name: String,
    /// Attempts of `on-failure`; 0 is any number.
    pub(crate) tries: u32,
}

/// What became of a container so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerStatus {
    /// [`RECORD_VERSION`].
    pub(crate) version: u32,
    /// Which boot of the host the run-time parts belong to.
    pub(crate) boot_id: String,
    /// The first process; 0 where there is none.
    pub(crate) pid: i32,
    /// Its start time, so that a reused pid is not taken for it.
    pub(crate) pid_start: u64,
    /// The monitor; 0 where there is none.
    pub(crate) monitor_pid: i32,
    /// Its start time.
    pub(crate) monitor_start: u64,
    /// Exit code of the last run.
    pub(crate) exit_code: i32,
    /// Nanoseconds since the epoch; 0 is never.
    pub(crate) started_at: i64,
    /// Nanoseconds since the epoch; 0 is never.
    pub(crate) finished_at: i64,
    /// The kernel killed it for lack of memory.
    pub(crate) oom_killed: bool,
    /// Automatic starts.
    pub(crate) restarts: u32,
    /// Stopped by a user, which keeps the restart policy from starting it again.
    pub(crate) stopped_by_user: bool,
    /// Why the last start failed, or how the exit code got lost.
    pub(crate) error: String,
    /// What its networks gave, by name.
    pub(crate) networks: BTreeMap<String, NetworkStatus>,
    /// Address under which it reaches the host through a user-mode network; empty where there is none.
    pub(crate) host_address: String,
    /// Path of its network namespace; empty where it has none of its own.
    pub(crate) netns: String,
    /// Path of the mounted root file system; empty where it is not mounted.
    pub(crate) mountpoint: String,
    /// It has run at least once.
    pub(crate) ran: bool,
    /// Mounts, network and run-time files are there or half there.
    pub(crate) prepared: bool,
    /// The cgroup, relative to the mount of the hierarchy.
    pub(crate) cgroup: String,
}

/// An exec session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ExecRecord {
    /// [`RECORD_VERSION`].
    pub(crate) version: u32,
    /// Its id.
    pub(crate) id: String,
    /// Its container's id.
    pub(crate) container: String,
    /// The request.
    pub(crate) spec: ExecSpec,
    /// It has been started.
    pub(crate) started: bool,
    /// The process; 0 where there is none.
    pub(crate) pid: i32,
    /// Its start time.
    pub(crate) pid_start: u64,
    /// Exit code, once it has ended.
    pub(crate) exit_code: Option<i32>,
    /// Which boot of the host it belongs to.
    pub(crate) boot_id: String,
}
