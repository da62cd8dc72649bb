//! What the database keeps of each object, as versioned JSON documents.
//!
//! A field is only ever added, with a default; a change of meaning raises the version.

mod files;
mod mount;
mod namespace;

use std::collections::BTreeMap;
use std::path::PathBuf;

use cove_api::{
    ExecSpec, ExposedPort, HealthAction, HealthConfig, ImageConfig, NetworkStatus, PerNetworkOptions,
    PublishedPort, StartupHealthCheck, StringMap,
};
use cove_runtime::oci::Settings;
use serde::{Deserialize, Serialize};

pub(crate) use files::{Dns, Files, HostAddress, HostsBase, HostsFile, PidFiles};
pub(crate) use mount::{ContainerMount, ContainerSecret, ContainerVolume, MountKind};
pub(crate) use namespace::{IdRange, IpcMode, NamespaceMode, Namespaces, NetworkMode, UserNamespace};

/// The version of [`ContainerConfig`] and [`ContainerStatus`] that this code writes. Version 1 held the request in
/// the configuration, see [`super::version1`].
pub(crate) const RECORD_VERSION: u32 = 2;

/// What a container is: everything that `create` has resolved from the request, its image and containers.conf(5). Only
/// `update` and changes of its networks change it afterwards. The request itself is kept beside it, for `inspect` alone
/// ([`super::Database::request`]).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerConfig {
    /// [`RECORD_VERSION`].
    pub(crate) version: u32,
    /// The image it was made from.
    pub(crate) image: ImageFacts,
    /// The directory that is its root file system, in place of an image.
    pub(crate) rootfs: Option<PathBuf>,
    /// That directory stays as it is: what is written is thrown away with each run.
    pub(crate) rootfs_overlay: bool,
    /// How its owners are mapped (`idmap`, `idmap=…`); empty where they are not.
    pub(crate) rootfs_idmap: String,
    /// Entrypoint and command as they are run.
    pub(crate) arguments: Vec<String>,
    /// The entrypoint part of [`ContainerConfig::arguments`].
    pub(crate) entrypoint: Vec<String>,
    /// The command part of [`ContainerConfig::arguments`].
    pub(crate) command: Vec<String>,
    /// The environment, `NAME=value`, but for [`ContainerConfig::implied_env`].
    pub(crate) env: Vec<String>,
    /// What is added to the environment at the start.
    pub(crate) implied_env: ImpliedEnv,
    /// Absolute.
    pub(crate) work_dir: String,
    /// Make the working directory where it does not exist.
    pub(crate) make_work_dir: bool,
    /// `user[:group]` as the user or the image wrote it; empty is root.
    pub(crate) user: String,
    /// Further groups, by name or number.
    pub(crate) groups: Vec<String>,
    /// Standard input stays open for clients.
    pub(crate) stdin: bool,
    /// Number of the stop signal.
    pub(crate) stop_signal: i32,
    /// Seconds between the stop signal and SIGKILL.
    pub(crate) stop_timeout: u32,
    /// Seconds after which it is killed; 0 is never.
    pub(crate) timeout: u32,
    /// Host name inside; empty where the UTS namespace is not its own.
    pub(crate) hostname: String,
    /// Labels of image and request together.
    pub(crate) labels: StringMap,
    /// Rights, limits, devices and so on.
    pub(crate) settings: Settings,
    /// Whose namespaces it has.
    pub(crate) namespaces: Namespaces,
    /// Whose user namespace it has.
    pub(crate) userns: UserNamespace,
    /// The user's mounts.
    pub(crate) mounts: Vec<ContainerMount>,
    /// Volumes with their names.
    pub(crate) volumes: Vec<ContainerVolume>,
    /// Secrets that it has as files.
    pub(crate) secrets: Vec<ContainerSecret>,
    /// Secrets that it has as variables: the variable, and the name of the secret.
    pub(crate) secret_env: StringMap,
    /// Files the engine puts into it.
    pub(crate) files: Files,
    /// The init program that runs the command.
    pub(crate) init: Option<PathBuf>,
    /// How it is networked.
    pub(crate) network: NetworkMode,
    /// Networks by name, for [`NetworkMode::Bridge`].
    pub(crate) networks: BTreeMap<String, PerNetworkOptions>,
    /// Arguments for the program that connects it, for [`NetworkMode::is_userland`], by the program's name.
    pub(crate) network_programs: BTreeMap<String, Vec<String>>,
    /// Published ports with their host ports.
    #[serde(with = "cove_api::port_ranges")]
    pub(crate) ports: Vec<PublishedPort>,
    /// Exposed ports.
    pub(crate) exposed: Vec<ExposedPort>,
    /// Where its output goes.
    pub(crate) log: Log,
    /// Its health check; [`None`] where nobody said anything about one.
    pub(crate) health: Option<Health>,
    /// Files with the pids of its processes.
    pub(crate) pid_files: PidFiles,
    /// Whom the engine tells that it runs.
    pub(crate) notify: Notify,
    /// The socket of systemd that whoever made it had; who starts it may have another.
    pub(crate) notify_socket: String,
    /// When it is started again.
    pub(crate) restart: RestartPolicy,
    /// `--rm`.
    pub(crate) auto_remove: bool,
    /// `--rmi`.
    pub(crate) remove_image: bool,
    /// Absolute path of the OCI runtime.
    pub(crate) runtime: String,
    /// Ids of containers whose namespaces or volumes it uses.
    pub(crate) dependencies: Vec<String>,
    /// Id of the pod it is in; empty where it is in none.
    pub(crate) pod: String,
    /// It holds the namespaces of its pod.
    pub(crate) infra: bool,
    /// Its root file system is nothing but the built-in program that waits.
    pub(crate) pause: bool,
    /// Whether it prepares its pod.
    pub(crate) first: First,
}

impl ContainerConfig {
    /// Neither holds it the namespaces of a pod nor prepares one.
    pub(crate) fn is_ordinary(&self) -> bool {
        !self.infra && self.first == First::No
    }
}

/// Variables whose values are known at the start only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ImpliedEnv {
    /// `HOME`, from the passwd file.
    pub(crate) home: bool,
    /// `HOSTNAME`.
    pub(crate) hostname: bool,
}

/// Whether a container of a pod runs to its end before the others start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum First {
    /// It is one of the others.
    #[default]
    No,
    /// At each start of the pod.
    Always,
    /// At the first start, after which it is removed.
    Once,
}

/// Who tells systemd, which waits on `NOTIFY_SOCKET`, that the container is ready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Notify {
    /// The container itself.
    #[default]
    Container,
    /// The engine, as soon as it is started.
    Start,
    /// The monitor, with the first check that finds it healthy.
    Healthy,
    /// Nobody.
    Nobody,
}

impl Notify {
    /// As the user names it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Start => "conmon",
            Self::Healthy => "healthy",
            Self::Nobody => "ignore",
        }
    }
}

/// Where a container's output goes besides to those attached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Log {
    /// How it is kept.
    pub(crate) driver: LogDriver,
    /// The file; empty is one in the container's directory.
    pub(crate) path: String,
    /// Bytes after which it is started anew; 0 is never.
    pub(crate) size: u64,
    /// How many files there are, with those that were full; 0 and 1 are the one file.
    pub(crate) files: u32,
    /// What entries of the journal are marked with, as the user wrote it.
    pub(crate) tag: String,
}

/// How output is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogDriver {
    /// In a file, in the format of Kubernetes' CRI.
    #[default]
    K8sFile,
    /// Not at all.
    None,
    /// The process has the streams of the command that starts it.
    Passthrough,
    /// As [`LogDriver::Passthrough`], also where these are a terminal.
    PassthroughTty,
    /// In the journal of systemd.
    Journald,
}

impl LogDriver {
    /// As the user names it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::K8sFile => "k8s-file",
            Self::None => "none",
            Self::Passthrough => "passthrough",
            Self::PassthroughTty => "passthrough-tty",
            Self::Journald => "journald",
        }
    }
}

/// How to find out whether a container is well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Health {
    /// The check; one of `NONE` says that there is none.
    pub(crate) check: HealthConfig,
    /// The check that must succeed before the other begins.
    pub(crate) startup: Option<StartupHealthCheck>,
    /// What is done when it turns unhealthy.
    pub(crate) on_failure: HealthAction,
    /// `local`, `events_logger`, or the folder of a copy of what was found.
    pub(crate) log_destination: String,
    /// Most results that are kept; 0 is no limit.
    pub(crate) max_log_count: u32,
    /// Most bytes of a result's output; 0 is no limit.
    pub(crate) max_log_size: u32,
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

/// When a container is started again by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RestartPolicy {
    /// Never.
    #[default]
    No,
    /// After every end that no user has asked for.
    Always,
    /// As [`RestartPolicy::Always`]; after a reboot only if it ran then.
    UnlessStopped,
    /// After an end with another code than 0.
    OnFailure {
        /// Attempts; 0 is any number.
        tries: u32,
    },
}

impl RestartPolicy {
    /// As the user names it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Always => "always",
            Self::UnlessStopped => "unless-stopped",
            Self::OnFailure { .. } => "on-failure",
        }
    }

    /// Attempts that are allowed; 0 is any number.
    pub(crate) fn tries(self) -> u32 {
        match self {
            Self::OnFailure { tries } => tries,
            _ => 0,
        }
    }
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
    /// It has ended and is to be started again at this time, nanoseconds since the epoch; 0 where it is not.
    pub(crate) restart_due: i64,
    /// It ran when the host was restarted, and has not run since.
    pub(crate) ended_by_reboot: bool,
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
    /// `init` prepared it: it stays so without a monitor that waits.
    pub(crate) initialized: bool,
    /// The cgroup, relative to the mount of the hierarchy.
    pub(crate) cgroup: String,
    /// What is known of its checkpoint.
    pub(crate) checkpoint: CheckpointStatus,
}

/// What is known of a container's checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CheckpointStatus {
    /// One is being made with which the container ends.
    pub(crate) under_way: bool,
    /// When the one was made with which it ended; 0 where that is not how it ended. Nanoseconds since the epoch.
    pub(crate) made_at: i64,
    /// When it went on from one; 0 where its last start was another. Nanoseconds since the epoch.
    pub(crate) restored_at: i64,
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
    /// Somebody has taken its one start.
    pub(crate) started: bool,
    /// The process that starts it, as long as that is under way; else 0.
    pub(crate) starter: i32,
    /// Its start time.
    pub(crate) starter_start: u64,
    /// The process; 0 where there is none.
    pub(crate) pid: i32,
    /// Its start time.
    pub(crate) pid_start: u64,
    /// Exit code, once it has ended.
    pub(crate) exit_code: Option<i32>,
    /// Which boot of the host it belongs to.
    pub(crate) boot_id: String,
}
