//! What a [`LocalEngine`](crate::LocalEngine) is opened with: everything comes in as a value.

use std::ffi::OsString;
use std::path::PathBuf;

use cove_api::{Error, Result};
use cove_config::storage::StoreOptions;
use cove_config::{ContainersConf, Directories, Environment};

use crate::event::{Backend, Journal, Place};

/// All facts and choices of an engine. Nothing of it is read from the process by the engine itself.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Directories of the user, with graph root and run root as they are without further choice.
    pub directories: Directories,
    /// The environment of the caller: proxies, `--env-host`, credentials and configuration files named there.
    pub environment: Environment,
    /// containers.conf with its drop-ins.
    pub containers: ContainersConf,
    /// The store: its graph root also holds the engine's state (`GRAPHROOT/cove`), its run root the run-time files
    /// (`RUNROOT/cove`).
    pub storage: StoreOptions,
    /// True inside a user namespace that an ordinary user's command has made.
    pub rootless: bool,
    /// OCI runtime, a name or a path (`--runtime`); `None` takes that of containers.conf, then crun, then runc.
    pub runtime: Option<String>,
    /// Flags of the OCI runtime besides those of containers.conf, without their dashes (`--runtime-flag`).
    pub runtime_flags: Vec<String>,
    /// `systemd` or `cgroupfs` (`--cgroup-manager`); `None` finds out.
    pub cgroup_manager: Option<String>,
    /// Folder of the engine's own run-time files (`--tmpdir`); `None` is `cove` in the run root.
    pub run_dir: Option<PathBuf>,
    /// Where events are kept (`--events-backend`): `file`, `journald` or `none`; [`None`] takes that of containers.conf.
    pub events_backend: Option<String>,
    /// Volumes (`--volumepath`); `None` is `volumes` in the graph root.
    pub volume_path: Option<PathBuf>,
    /// Network configuration (`--network-config-dir`); `None` takes the place of the user.
    pub network_config_dir: Option<PathBuf>,
    /// In place of all mounts.conf (`--default-mounts-file`).
    pub default_mounts_file: Option<PathBuf>,
    /// The monitor program.
    pub monitor: PathBuf,
    /// This program with the options that lead to this engine, for what a monitor has it do; empty has it do nothing.
    pub own_command: Vec<String>,
    /// The command that a monitor runs when its container has ended and nobody else clears up; the container's
    /// id is appended. Such as `[cove, --root, …, container, cleanup]`; empty runs none.
    pub exit_command: Vec<String>,
    /// Program and first arguments that run [`cove_network::forward`], which published ports of rootless bridge
    /// networks need; the request is appended. Empty: those ports cannot be published.
    pub port_forwarder: Vec<OsString>,
    /// What is known of the program: compiler, commit, time of the build (RFC 3339).
    pub build: cove_api::Version,
    /// Folders of helper programs before those of containers.conf and `PATH`.
    pub helper_dirs: Vec<PathBuf>,
    /// The program search path for helpers.
    pub path: Option<OsString>,
}

impl EngineOptions {
    /// Options with nothing chosen.
    #[must_use]
    pub fn new(
        directories: Directories,
        environment: Environment,
        containers: ContainersConf,
        storage: StoreOptions,
        monitor: PathBuf,
    ) -> Self {
        let path = environment.os("PATH").map(ToOwned::to_owned);
        Self {
            rootless: directories.user.rootless,
            storage,
            directories,
            environment,
            containers,
            runtime: None,
            runtime_flags: Vec::new(),
            cgroup_manager: None,
            run_dir: None,
            events_backend: None,
            volume_path: None,
            network_config_dir: None,
            default_mounts_file: None,
            monitor,
            own_command: Vec::new(),
            exit_command: Vec::new(),
            port_forwarder: Vec::new(),
            build: cove_api::Version::default(),
            helper_dirs: Vec::new(),
            path,
        }
    }

    /// The engine's lasting state: `GRAPHROOT/cove`.
    #[must_use]
    pub(crate) fn state_dir(&self) -> PathBuf {
        self.storage.graph_root.join("cove")
    }

    /// The engine's run-time files: `RUNROOT/cove`, where nothing else is chosen.
    #[must_use]
    pub fn run_dir(&self) -> PathBuf {
        self.run_dir.clone().unwrap_or_else(|| self.storage.run_root.join("cove"))
    }

    /// Where events are kept: a file in the run directory, where nothing else is chosen.
    pub(crate) fn events(&self) -> Result<Place> {
        let conf = &self.containers.engine;
        let backend = self.events_backend.as_ref().or(conf.events_logger.as_ref());
        let path = conf.events_logfile_path.as_ref().filter(|path| !path.is_empty());
        let limit = match &conf.events_logfile_max_size {
            Some(size) => cove_spec::size::bytes(size.as_str())
                .map_err(|error| Error::from(error).context("containers.conf: events_logfile_max_size"))?,
            None => 0,
        };
        let backend = match backend.map(String::as_str) {
            Some("none") => Backend::None,
            Some("journald") => Backend::Journal(Journal {
                program: cove_sys::process::find_program(
                    "journalctl",
                    &self.helper_dirs,
                    self.path.as_deref(),
                )
                .map_err(|error| error.to_string()),
                uid: self.directories.user.uid,
            }),
            _ => Backend::File,
        };
        Ok(Place {
            path: path.map_or_else(|| self.run_dir().join("events/events.log"), PathBuf::from),
            limit,
            backend,
        })
    }

    /// Where volumes lie.
    #[must_use]
    pub(crate) fn volumes_dir(&self) -> PathBuf {
        match &self.volume_path {
            Some(path) => path.clone(),
            None => self
                .containers
                .engine
                .volume_path
                .as_ref()
                .filter(|path| !path.is_empty())
                .map_or_else(|| self.storage.graph_root.join("volumes"), PathBuf::from),
        }
    }
}
