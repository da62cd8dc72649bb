//! What is to run, as values, and what came of it.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use cove_api::{NetworkStatus, Volume};
use cove_runtime::cgroup::CgroupMode;
use cove_runtime::oci::Namespaces;
use cove_runtime::{HealthPlan, Launch, LogConfig, NotifyConfig, OciRuntime, Restore};
use cove_storage::ContainerOptions;

use crate::state::{ContainerConfig, ContainerVolume};

/// A process to run and everything around it.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// Names its network, its monitor and its layer; 64 hexadecimal digits.
    pub(crate) id: &'a str,
    /// The name under which its networks know it.
    pub(crate) name: &'a str,
    /// What it is. Its life cycle (restarts, removal, dependencies) is of no interest here.
    pub(crate) config: &'a ContainerConfig,
    /// Its writable layer, which is made where there is none; [`None`] with [`ContainerConfig::rootfs`].
    pub(crate) layer: Option<ContainerOptions>,
    /// Whether `/etc/mtab` is made where there is none. Not in a build, whose layer becomes an image's.
    pub(crate) mtab: bool,
    /// A private folder for bundle and files, which [`super::release`] removes.
    pub(crate) folder: PathBuf,
    /// A folder on a disk for what is thrown away with the run, which [`super::release`] removes too.
    pub(crate) scratch: PathBuf,
    /// Its namespaces but for the network's, which is made when it is prepared.
    pub(crate) namespaces: Namespaces,
    /// What `/dev/shm` is.
    pub(crate) shm: Shm,
    /// The folder of the one whose network it shares: hosts and resolv.conf are shared as well.
    pub(crate) shared_files: Option<PathBuf>,
    /// The volumes it mounts.
    pub(crate) volumes: Vec<PlannedVolume<'a>>,
    /// Secrets that it gets as files.
    pub(crate) secrets: Vec<PlannedSecret>,
    /// Variables whose values are secret.
    pub(crate) secret_env: Vec<(String, Hidden)>,
    /// How its cgroup is managed, where not as others' are.
    pub(crate) cgroup: Option<CgroupMode>,
    /// Program that runs it.
    pub(crate) oci_runtime: OciRuntime,
    /// The checkpoint that it goes on from; without one it begins.
    pub(crate) restore: Option<Restore>,
    /// Where its output goes besides to those attached.
    pub(crate) log: LogConfig,
    /// How the monitor finds out whether it is well.
    pub(crate) health: Option<PlannedHealth>,
    /// Who is told that it is ready.
    pub(crate) notify: Option<NotifyConfig>,
    /// Copies of the caller's descriptors that it gets from number 3 on.
    pub(crate) descriptors: Vec<OwnedFd>,
    /// Program and arguments run at its end when no engine takes the clean-up upon itself.
    pub(crate) exit_command: Vec<String>,
}

impl Plan<'_> {
    /// Whether the user mounts something there, which comes before what the engine would.
    pub(super) fn is_mounted(&self, destination: &str) -> bool {
        let mounts = self.config.mounts.iter().map(|mount| &mount.destination);
        let volumes = self.config.volumes.iter().map(|volume| &volume.destination);
        mounts.chain(volumes).any(|mounted| mounted.trim_end_matches('/') == destination)
    }
}

/// A volume and how it is mounted.
#[derive(Debug)]
pub(crate) struct PlannedVolume<'a> {
    /// Destination and options.
    pub(crate) mount: &'a ContainerVolume,
    /// The volume as it is now.
    pub(crate) volume: Volume,
    /// The directory with its data.
    pub(crate) directory: PathBuf,
}

/// Health checks.
#[derive(Debug)]
pub(crate) struct PlannedHealth {
    /// What the monitor is told, but for the processes.
    pub(crate) monitor: HealthPlan,
    /// The command of the check.
    pub(crate) check: Vec<String>,
    /// The command of the start-up check.
    pub(crate) startup: Option<Vec<String>>,
}

/// A secret and the file it becomes.
#[derive(Debug)]
pub(crate) struct PlannedSecret {
    /// Absolute path in the container.
    pub(crate) destination: String,
    /// What is in it.
    pub(crate) data: Hidden,
    /// Owner.
    pub(crate) uid: u32,
    /// Group.
    pub(crate) gid: u32,
    /// Permission bits.
    pub(crate) mode: u32,
}

/// Bytes that `Debug` does not show.
pub(crate) struct Hidden(pub(crate) Vec<u8>);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("…")
    }
}

/// What `/dev/shm` is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shm {
    /// Its own.
    Private,
    /// Its own, mounted in the folder, so that others can join it.
    Shareable,
    /// The host's.
    Host,
    /// The shared memory in the folder of another.
    Joined(PathBuf),
    /// A plain directory.
    None,
}

/// Where shareable memory is mounted in a folder.
pub(crate) fn shm_directory(folder: &Path) -> PathBuf {
    folder.join("shm")
}

/// What [`super::prepare`] has made.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The monitor, which waits for the order to start.
    pub(crate) launch: Launch,
    /// The mounted root file system.
    pub(crate) mountpoint: PathBuf,
    /// How it is connected.
    pub(crate) network: Connected,
    /// Volumes that have changed with their first mount.
    pub(crate) changed_volumes: Vec<Volume>,
}

/// How it is connected.
#[derive(Debug, Default)]
pub(crate) struct Connected {
    /// Its user namespace, where the engine has made one.
    pub(crate) userns: Option<PathBuf>,
    /// Its network namespace, where it has one of its own.
    pub(crate) netns: Option<PathBuf>,
    /// What its networks gave, by name.
    pub(crate) networks: BTreeMap<String, NetworkStatus>,
    /// Address under which it reaches the host; empty where there is none.
    pub(crate) host_address: String,
}

/// What there may be to give back.
#[derive(Debug)]
pub(crate) struct Remains<'a> {
    /// As [`Plan::id`].
    pub(crate) id: &'a str,
    /// As [`Plan::folder`].
    pub(crate) folder: PathBuf,
    /// As [`Plan::scratch`].
    pub(crate) scratch: PathBuf,
    /// The OCI runtime's name or path, for a process that lost its monitor.
    pub(crate) runtime: &'a str,
    /// Its network may be there.
    pub(crate) network: bool,
    /// Its layer may be mounted.
    pub(crate) layer: bool,
}
