//! What the database keeps of each object, as versioned JSON documents.
//!
//! A field is only ever added, with a default; a change of meaning raises the version.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use cove_api::{
    ExecSpec, ExposedPort, HealthAction, HealthConfig, ImageConfig, NetworkStatus, PerNetworkOptions,
    PublishedPort, StartupHealthCheck, StringMap,
};
use cove_runtime::oci::Settings;
use serde::{Deserialize, Serialize};

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

/// Whose namespaces a container has. Its mount namespace is its own, its network is [`NetworkMode`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Namespaces {
    /// Processes.
    pub(crate) pid: NamespaceMode,
    /// Host name.
    pub(crate) uts: NamespaceMode,
    /// The tree of cgroups it sees.
    pub(crate) cgroup: NamespaceMode,
    /// Shared memory and message queues.
    pub(crate) ipc: IpcMode,
}

/// Whose namespace of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NamespaceMode {
    /// Its own.
    #[default]
    Private,
    /// The host's.
    Host,
    /// Another container's (its id).
    Container(String),
    /// The one at a path.
    Path(PathBuf),
}

/// Whose user namespace, and what its ids are in the engine's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UserNamespace {
    /// Whose.
    pub(crate) mode: NamespaceMode,
    /// Users; without any they are the engine's.
    pub(crate) users: Vec<IdRange>,
    /// Groups, as the users.
    pub(crate) groups: Vec<IdRange>,
    /// The engine has chosen ids that nobody else has.
    pub(crate) automatic: bool,
}

impl Default for UserNamespace {
    /// The engine's own.
    fn default() -> Self {
        Self { mode: NamespaceMode::Host, users: Vec::new(), groups: Vec::new(), automatic: false }
    }
}

impl UserNamespace {
    /// User and group in the engine's namespace.
    pub(crate) fn to_host(&self, uid: u32, gid: u32) -> cove_api::Result<(u32, u32)> {
        let find = |ranges: &[IdRange], id: u32, kind: &str| {
            if ranges.is_empty() {
                return Ok(id);
            }
            let found = ranges.iter().find_map(|range| {
                let offset = id.checked_sub(range.container).filter(|offset| *offset < range.size)?;
                range.host.checked_add(offset)
            });
            found.ok_or_else(|| {
                cove_api::Error::invalid(format!(
                    "{kind} {id} is not mapped in the container's user namespace"
                ))
            })
        };
        Ok((find(&self.users, uid, "user")?, find(&self.groups, gid, "group")?))
    }
}

/// A range of ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct IdRange {
    /// First id in the container.
    pub(crate) container: u32,
    /// First id in the engine's namespace.
    pub(crate) host: u32,
    /// How many.
    pub(crate) size: u32,
}

impl IdRange {
    /// As the store has it.
    pub(crate) fn stored(self) -> cove_storage::IdMap {
        cove_storage::IdMap { container_id: self.container, host_id: self.host, size: self.size }
    }

    /// As the OCI configuration has it.
    pub(crate) fn mapping(self) -> cove_runtime::oci::IdMapping {
        cove_runtime::oci::IdMapping { container_id: self.container, host_id: self.host, size: self.size }
    }
}

impl std::fmt::Display for IdRange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}:{}", self.container, self.host, self.size)
    }
}

/// Whose shared memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IpcMode {
    /// Its own.
    #[default]
    Private,
    /// Its own, which other containers may join.
    Shareable,
    /// Its own, without `/dev/shm`.
    None,
    /// The host's.
    Host,
    /// Another container's (its id).
    Container(String),
    /// The one at a path.
    Path(PathBuf),
}

/// A mount that the user asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerMount {
    /// Absolute path in the container, without empty or relative parts.
    pub(crate) destination: String,
    /// What is mounted.
    pub(crate) kind: MountKind,
    /// Path on the host for [`MountKind::Bind`], else a name.
    pub(crate) source: String,
    /// Mount options as the user wrote them, and what podman adds to them.
    pub(crate) options: Vec<String>,
    /// Id of the image, for [`MountKind::Image`], whose name is the source.
    pub(crate) image: String,
    /// A directory in it, in place of its root.
    pub(crate) sub_path: String,
}

/// What a mount shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MountKind {
    /// A file or directory of the host.
    #[default]
    Bind,
    /// Memory.
    Tmpfs,
    /// Memory without a limit.
    Ramfs,
    /// A directory of the host below a layer that is thrown away.
    Overlay,
    /// An image.
    Image,
    /// Pseudo terminals.
    Devpts,
    /// Processes.
    Proc,
    /// Kernel objects.
    Sysfs,
    /// POSIX message queues.
    Mqueue,
}

impl MountKind {
    /// Those that a request asks for by name.
    const NAMED: [Self; 7] =
        [Self::Bind, Self::Tmpfs, Self::Ramfs, Self::Devpts, Self::Proc, Self::Sysfs, Self::Mqueue];

    /// As mount(8) names it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Tmpfs => "tmpfs",
            Self::Ramfs => "ramfs",
            Self::Overlay => "overlay",
            Self::Image => "image",
            Self::Devpts => "devpts",
            Self::Proc => "proc",
            Self::Sysfs => "sysfs",
            Self::Mqueue => "mqueue",
        }
    }

    /// The kind of that name; an empty one is a bind.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        if name.is_empty() {
            return Some(Self::Bind);
        }
        Self::NAMED.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A secret that a container has as a file. Its data is beside the container's log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerSecret {
    /// Its name.
    pub(crate) name: String,
    /// Its id.
    pub(crate) id: String,
    /// Absolute path in the container.
    pub(crate) target: String,
    /// Its owner, as the container counts.
    pub(crate) uid: u32,
    /// Its group.
    pub(crate) gid: u32,
    /// Permission bits.
    pub(crate) mode: u32,
}

/// Which files the engine puts into a container, and what stands in them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Files {
    /// `/etc/hosts`; [`None`] leaves the image's.
    pub(crate) hosts: Option<HostsFile>,
    /// `/etc/resolv.conf`; without it the image's stays.
    pub(crate) resolv_conf: bool,
    /// What the user or containers.conf(5) say about names.
    pub(crate) dns: Dns,
    /// `/etc/hostname`.
    pub(crate) hostname: bool,
    /// Entries in `/etc/passwd` and `/etc/group` for a user who has none.
    pub(crate) accounts: bool,
    /// A line for `/etc/passwd` in place of the computed one.
    pub(crate) passwd_entry: String,
    /// A line for `/etc/group` in place of the computed one.
    pub(crate) group_entry: String,
    /// Users of the host, by name or number, who get entries in `/etc/passwd`.
    pub(crate) host_users: Vec<String>,
    /// Absolute directories in the container that get the engine's files as its root does.
    pub(crate) chroots: Vec<String>,
    /// `/etc/localtime`: a name in the host's data base, or `local`; empty leaves the image's.
    pub(crate) time_zone: String,
}

/// Files of the host that get the pid of a process at each start; empty for none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PidFiles {
    /// Of the container's first process.
    pub(crate) process: String,
    /// Of the monitor.
    pub(crate) monitor: String,
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

/// What stands in `/etc/hosts`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HostsFile {
    /// What it begins with.
    pub(crate) base: HostsBase,
    /// `name:ip` entries of the user.
    pub(crate) extra: Vec<String>,
    /// The address of `host.containers.internal`.
    pub(crate) host: HostAddress,
}

/// What `/etc/hosts` begins with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HostsBase {
    /// The host's file.
    #[default]
    Host,
    /// The image's file.
    Image,
    /// Nothing.
    Empty,
    /// A file of the host.
    File(PathBuf),
}

/// Under which address a container reaches the host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HostAddress {
    /// By its network.
    #[default]
    Automatic,
    /// Under none.
    None,
    /// Under this one.
    Fixed(IpAddr),
}

/// How names are resolved; empty lists leave what the network or the host says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Dns {
    /// Name servers.
    pub(crate) servers: Vec<String>,
    /// Search domains.
    pub(crate) search: Vec<String>,
    /// Options.
    pub(crate) options: Vec<String>,
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
    /// Its own, connected by pasta, or by slirp4netns where there is no pasta.
    Userland,
    /// Its own, connected by pasta.
    Pasta,
    /// Its own, connected by slirp4netns.
    Slirp,
    /// Its own, which the user sets up.
    Private,
}

impl NetworkMode {
    /// A program in user space connects it.
    pub(crate) fn is_userland(&self) -> bool {
        matches!(self, Self::Userland | Self::Pasta | Self::Slirp)
    }

    /// It has a network namespace that is made and removed with each run.
    pub(crate) fn has_own_namespace(&self) -> bool {
        matches!(self, Self::Bridge | Self::Private) || self.is_userland()
    }
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
