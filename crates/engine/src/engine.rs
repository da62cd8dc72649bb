//! The engine itself: its options, its lazily opened parts, and the way to them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cove_api::{
    Containers, Engine, Error, ErrorKind, Execs, Images, Networks as NetworksApi, Result, System, Volumes,
};
use cove_config::Registries;
use cove_network::{Networks, NetworksOptions};
use cove_runtime::cgroup::{self, CgroupMode, CgroupPreference, CgroupProbe};
use cove_runtime::oci::HostFacts;
use cove_runtime::{Launch, OciRuntime, Runtime, RuntimeOptions};
use cove_storage::{DriverKind, OverlayOptions, Store, StoreOptions};
use cove_sys::fs;
use tokio::sync::watch;

use crate::error::storage;
use crate::event::EventLog;
use crate::lock::ObjectLock;
use crate::options::EngineOptions;
use crate::state::Database;

/// The engine on this host, in this process.
#[derive(Debug, Clone)]
pub struct LocalEngine {
    pub(crate) core: Arc<Core>,
}

/// How a run that this process supervises ends: its exit code, once everything is cleaned up.
pub(crate) type Outcome = watch::Receiver<Option<i32>>;

/// What all use-cases share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) options: EngineOptions,
    pub(crate) events: EventLog,
    /// Containers and exec sessions whose monitor waits for the order to start, by id.
    pub(crate) prepared: Mutex<HashMap<String, Launch>>,
    /// Runs that this process supervises, by id of the container or exec session.
    pub(crate) supervised: Mutex<HashMap<String, Outcome>>,
    database: OnceLock<Database>,
    store: OnceLock<Store>,
    runtime: OnceLock<Runtime>,
    cgroup: OnceLock<CgroupMode>,
    networks: OnceLock<Networks>,
    registries: OnceLock<Registries>,
    host_facts: OnceLock<HostFacts>,
    boot_id: OnceLock<String>,
}

impl LocalEngine {
    /// Opens the engine. Cheap: no file is touched before it is needed.
    ///
    /// # Errors
    /// A directory of the options is not absolute.
    pub fn open(options: EngineOptions) -> Result<Self> {
        for (what, path) in
            [("graph root", &options.storage.graph_root), ("run root", &options.storage.run_root)]
        {
            if !path.is_absolute() {
                return Err(Error::invalid(format!("the {what} {path:?} is not an absolute path")));
            }
        }
        let events = EventLog::new(&options.run_dir());
        Ok(Self {
            core: Arc::new(Core {
                options,
                events,
                prepared: Mutex::default(),
                supervised: Mutex::default(),
                database: OnceLock::new(),
                store: OnceLock::new(),
                runtime: OnceLock::new(),
                cgroup: OnceLock::new(),
                networks: OnceLock::new(),
                registries: OnceLock::new(),
                host_facts: OnceLock::new(),
                boot_id: OnceLock::new(),
            }),
        })
    }

    /// The options it was opened with.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.core.options
    }
}

impl Core {
    /// The state database, opened at the first call.
    pub(crate) fn database(&self) -> Result<&Database> {
        lazily(&self.database, || Ok(Database::open(&self.options.state_dir())?))
    }

    /// The store, opened at the first call.
    pub(crate) fn store(&self) -> Result<&Store> {
        lazily(&self.store, || {
            let wanted = &self.options.storage;
            let driver = match wanted.driver.as_deref() {
                None => None,
                Some(name) => Some(DriverKind::from_name(name).ok_or_else(|| {
                    Error::unsupported(format!("the storage driver {name:?} is not supported"))
                })?),
            };
            let mut overlay = OverlayOptions {
                fallback_program: self.helper("fuse-overlayfs").ok(),
                ..OverlayOptions::default()
            };
            for (name, value) in &wanted.driver_options {
                match name.as_str() {
                    "mount_program" if !value.is_empty() => {
                        overlay.mount_program = Some(PathBuf::from(value))
                    }
                    "mountopt" => {
                        overlay.mount_options = value
                            .split(',')
                            .filter(|option| !option.is_empty())
                            .map(ToOwned::to_owned)
                            .collect();
                    }
                    "ignore_chown_errors" => overlay.ignore_chown_errors = value == "true",
                    "mount_program" | "force_mask" | "skip_mount_home" | "use_composefs" | "size"
                    | "inodes" => {
                        if !matches!(value.as_str(), "" | "false") {
                            return Err(Error::unsupported(format!(
                                "the storage option {name:?} is not supported yet"
                            )));
                        }
                    }
                    other => return Err(Error::invalid(format!("unknown storage option {other:?}"))),
                }
            }
            Store::open(&StoreOptions {
                graph_root: wanted.graph_root.clone(),
                run_root: wanted.run_root.clone(),
                driver,
                overlay,
                rootless: self.options.rootless,
            })
            .map_err(storage)
        })
    }

    /// How cgroups are managed here.
    pub(crate) fn cgroup(&self) -> &CgroupMode {
        self.cgroup.get_or_init(|| {
            let wanted = self
                .options
                .cgroup_manager
                .as_deref()
                .or(self.options.containers.engine.cgroup_manager.as_deref())
                .unwrap_or_default();
            let preference = match wanted {
                "systemd" => CgroupPreference::Systemd,
                "cgroupfs" => CgroupPreference::Cgroupfs,
                _ => CgroupPreference::Automatic,
            };
            let bus = self.options.environment.absolute_path("XDG_RUNTIME_DIR").map(|dir| dir.join("bus"));
            cgroup::detect(&CgroupProbe::new(self.options.rootless, bus), preference)
        })
    }

    /// What runs containers, opened at the first call.
    pub(crate) fn runtime(&self) -> Result<&Runtime> {
        lazily(&self.runtime, || {
            Ok(Runtime::new(RuntimeOptions {
                run_dir: self.options.run_dir(),
                monitor: self.options.monitor.clone(),
                cgroup: self.cgroup().clone(),
            })?)
        })
    }

    /// The OCI runtime of that name or path; an empty one is the default.
    pub(crate) fn oci_runtime(&self, wanted: &str) -> Result<OciRuntime> {
        let conf = &self.options.containers;
        let named = [Some(wanted), self.options.runtime.as_deref(), conf.engine.runtime.as_deref()]
            .into_iter()
            .flatten()
            .find(|name| !name.is_empty());
        let of = |name: &str, path: PathBuf| OciRuntime {
            name: name.to_owned(),
            path,
            flags: conf
                .engine
                .runtimes_flags
                .as_ref()
                .and_then(|all| all.get(name))
                .cloned()
                .unwrap_or_default(),
        };
        let candidates = |name: &str| {
            conf.runtime_paths(name).into_iter().find(|path| cove_sys::process::is_executable(path))
        };
        if let Some(name) = named {
            if name.contains('/') {
                let path = PathBuf::from(name);
                let short = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                return if cove_sys::process::is_executable(&path) {
                    Ok(of(&short, path))
                } else {
                    Err(missing_runtime(name))
                };
            }
            return candidates(name).map(|path| of(name, path)).ok_or_else(|| missing_runtime(name));
        }
        ["crun", "runc", "youki"]
            .into_iter()
            .find_map(|name| candidates(name).map(|path| of(name, path)))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Unavailable,
                    "no OCI runtime is installed: install the package crun (or runc)",
                )
            })
    }

    /// Networks, opened at the first call.
    pub(crate) fn networks(&self) -> Result<&Networks> {
        lazily(&self.networks, || {
            let conf = &self.options.containers.network;
            let rootless_run =
                self.options.rootless.then(|| self.options.directories.runtime.join("containers"));
            let mut options =
                NetworksOptions::new(&self.options.storage.graph_root, rootless_run.as_deref())?;
            let configured =
                conf.network_config_dir.as_ref().filter(|dir| !dir.is_empty()).map(PathBuf::from);
            if let Some(dir) = self.options.network_config_dir.clone().or(configured) {
                options.config_dir = dir;
            }
            if let Some(name) = &conf.default_network {
                options.default_network.clone_from(name);
            }
            if let Some(subnet) = &conf.default_subnet {
                options.default_subnet = subnet.parse()?;
            }
            if let Some(port) = conf.dns_bind_port.filter(|port| *port > 0) {
                options.dns_bind_port = port;
            }
            options.helper_dirs = self.helper_dirs();
            options.port_forwarder.clone_from(&self.options.port_forwarder);
            Ok(Networks::new(options)?)
        })
    }

    /// What must be known of the machine for a container's configuration.
    pub(crate) fn host_facts(&self) -> &HostFacts {
        self.host_facts.get_or_init(|| HostFacts::read(self.options.rootless))
    }

    /// Takes the monitor that waits for the order to start, where this process has launched one.
    pub(crate) fn take_prepared(&self, id: &str) -> Option<Launch> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    /// Keeps a monitor that waits for the order to start.
    pub(crate) fn keep_prepared(&self, id: &str, launch: Launch) {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), launch);
    }

    /// registries.conf, loaded by `load` at the first call.
    pub(crate) fn lazy_registries(&self, load: impl FnOnce() -> Result<Registries>) -> Result<&Registries> {
        lazily(&self.registries, load)
    }

    /// Folders of helper programs, in order.
    pub(crate) fn helper_dirs(&self) -> Vec<PathBuf> {
        let mut dirs = self.options.helper_dirs.clone();
        let own = self.options.monitor.parent();
        dirs.extend(self.options.containers.helper_folders(&self.options.environment, own));
        dirs
    }

    /// A helper program by name.
    pub(crate) fn helper(&self, name: &str) -> Result<PathBuf> {
        cove_sys::process::find_program(name, &self.helper_dirs(), self.options.path.as_deref())
            .map_err(|error| Error::from_chain(ErrorKind::Unavailable, &error))
    }

    /// Which boot of the host this is.
    pub(crate) fn boot_id(&self) -> &str {
        self.boot_id.get_or_init(|| {
            fs::read_to_string("/proc/sys/kernel/random/boot_id")
                .map(|text| text.trim().to_owned())
                .unwrap_or_default()
        })
    }

    /// Run-time files of a container: bundle, hosts, resolv.conf and so on.
    pub(crate) fn container_run_dir(&self, id: &str) -> PathBuf {
        self.options.run_dir().join("containers").join(id)
    }

    /// Lasting files of a container: its log.
    pub(crate) fn container_dir(&self, id: &str) -> PathBuf {
        self.options.state_dir().join("containers").join(id)
    }

    /// Locks a container against other threads and processes.
    pub(crate) fn lock_container(&self, id: &str) -> Result<ObjectLock> {
        ObjectLock::acquire(&self.options.run_dir().join("locks"), id)
    }

    /// Whether nobody holds a container's lock at this moment.
    pub(crate) fn is_unlocked(&self, id: &str) -> bool {
        let directory = self.options.run_dir().join("locks");
        !directory.join(id).exists() || ObjectLock::try_acquire(&directory, id).is_some()
    }
}

fn missing_runtime(name: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "default OCI runtime {name:?} not found: install it, or name another one with --runtime: invalid argument"
        ),
    )
}

fn lazily<T>(cell: &OnceLock<T>, open: impl FnOnce() -> Result<T>) -> Result<&T> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let opened = open()?;
    Ok(cell.get_or_init(|| opened))
}

/// Runs blocking work on a thread made for it.
pub(crate) async fn blocking<T: Send + 'static>(
    core: &Arc<Core>,
    work: impl FnOnce(&Arc<Core>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let core = Arc::clone(core);
    match tokio::task::spawn_blocking(move || work(&core)).await {
        Ok(result) => result,
        Err(error) => Err(Error::internal(format!("a worker thread ended: {error}"))),
    }
}

impl Engine for LocalEngine {
    fn containers(&self) -> &dyn Containers {
        self
    }
    fn execs(&self) -> &dyn Execs {
        self
    }
    fn images(&self) -> &dyn Images {
        self
    }
    fn networks(&self) -> &dyn NetworksApi {
        self
    }
    fn system(&self) -> &dyn System {
        self
    }
    fn volumes(&self) -> &dyn Volumes {
        self
    }
}

/// Removes a directory with all in it; one that is not there is fine.
pub(crate) fn remove_directory(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
