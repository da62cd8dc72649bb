//! What a [`LocalEngine`](crate::LocalEngine) is opened with: everything comes in as a value.

use std::ffi::OsString;
use std::path::PathBuf;

use cove_config::containers::ContainersConf;
use cove_config::{Directories, Environment};

/// All facts and choices of an engine. Nothing of it is read from the process by the engine itself.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Directories of the user, with graph root and run root as they are without further choice.
    pub directories: Directories,
    /// The environment of the caller: proxies, `--env-host`, credentials and configuration files named there.
    pub environment: Environment,
    /// containers.conf with its drop-ins.
    pub containers: ContainersConf,
    /// The image store and the engine's state (`--root`).
    pub graph_root: PathBuf,
    /// Run-time files that a reboot takes away (`--runroot`).
    pub run_root: PathBuf,
    /// True inside a user namespace that an ordinary user's command has made.
    pub rootless: bool,
    /// Storage driver (`overlay`, `vfs`); `None` takes that of storage.conf or the best one.
    pub storage_driver: Option<String>,
    /// Further storage options `key=value` (`--storage-opt`), in place of those of storage.conf.
    pub storage_options: Vec<String>,
    /// OCI runtime, a name or a path (`--runtime`); `None` takes that of containers.conf, then crun, then runc.
    pub runtime: Option<String>,
    /// `systemd` or `cgroupfs` (`--cgroup-manager`); `None` finds out.
    pub cgroup_manager: Option<String>,
    /// Volumes (`--volumepath`); `None` is `volumes` in the graph root.
    pub volume_path: Option<PathBuf>,
    /// Network configuration (`--network-config-dir`); `None` takes the place of the user.
    pub network_config_dir: Option<PathBuf>,
    /// The monitor program.
    pub monitor: PathBuf,
    /// The command that a monitor runs when its container has ended and nobody else clears up; the container's
    /// id is appended. Such as `[cove, --root, …, container, cleanup]`; empty runs none.
    pub exit_command: Vec<String>,
    /// Folders of helper programs before those of containers.conf and `PATH`.
    pub helper_dirs: Vec<PathBuf>,
    /// The program search path for helpers.
    pub path: Option<OsString>,
}

impl EngineOptions {
    /// Options with the directories' graph root and run root, and nothing chosen.
    #[must_use]
    pub fn new(
        directories: Directories,
        environment: Environment,
        containers: ContainersConf,
        monitor: PathBuf,
    ) -> Self {
        let path = environment.os("PATH").map(ToOwned::to_owned);
        Self {
            graph_root: directories.graph_root.clone(),
            run_root: directories.run_root.clone(),
            rootless: directories.user.rootless,
            directories,
            environment,
            containers,
            storage_driver: None,
            storage_options: Vec::new(),
            runtime: None,
            cgroup_manager: None,
            volume_path: None,
            network_config_dir: None,
            monitor,
            exit_command: Vec::new(),
            helper_dirs: Vec::new(),
            path,
        }
    }

    /// The engine's lasting state: `GRAPHROOT/cove`.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.graph_root.join("cove")
    }

    /// The engine's run-time files: `RUNROOT/cove`.
    #[must_use]
    pub fn run_dir(&self) -> PathBuf {
        self.run_root.join("cove")
    }

    /// Where volumes lie.
    #[must_use]
    pub fn volumes_dir(&self) -> PathBuf {
        match &self.volume_path {
            Some(path) => path.clone(),
            None => self
                .containers
                .engine
                .volume_path
                .as_ref()
                .filter(|path| !path.is_empty())
                .map_or_else(|| self.graph_root.join("volumes"), PathBuf::from),
        }
    }
}
