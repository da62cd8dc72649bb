//! What everything is made with: options, store, networks and runtime, each opened when it is needed first.

use std::path::PathBuf;
use std::sync::OnceLock;

use cove_api::{Error, ErrorKind, Result};
use cove_network::{Networks, NetworksOptions, SubnetPool};
use cove_runtime::cgroup::{self, CgroupMode, CgroupPreference, CgroupProbe};
use cove_runtime::oci::HostFacts;
use cove_runtime::{OciRuntime, Runtime, RuntimeOptions};
use cove_storage::{DriverKind, OverlayOptions, Store, StoreOptions};

use crate::error::storage;
use crate::options::EngineOptions;

/// The parts of an engine that know nothing of containers. Cheap to make: no file is touched before it is needed.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) options: EngineOptions,
    store: OnceLock<Store>,
    runtime: OnceLock<Runtime>,
    cgroup: OnceLock<CgroupMode>,
    networks: OnceLock<Networks>,
    host_facts: OnceLock<HostFacts>,
}

impl Parts {
    /// The parts by these options.
    pub(crate) fn new(options: EngineOptions) -> Self {
        Self {
            options,
            store: OnceLock::new(),
            runtime: OnceLock::new(),
            cgroup: OnceLock::new(),
            networks: OnceLock::new(),
            host_facts: OnceLock::new(),
        }
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
            cgroup::detect(&self.cgroup_probe(), preference)
        })
    }

    /// Where cgroups are looked for.
    pub(crate) fn cgroup_probe(&self) -> CgroupProbe {
        let bus = self.options.environment.absolute_path("XDG_RUNTIME_DIR").map(|dir| dir.join("bus"));
        CgroupProbe::new(self.options.rootless, bus)
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
                .iter()
                .filter_map(|all| all.get(name))
                .flatten()
                .cloned()
                .chain(self.options.runtime_flags.iter().map(|flag| format!("--{flag}")))
                .collect(),
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
            if let Some(pools) = &conf.default_subnet_pools {
                let pool =
                    |pool: &cove_config::containers::SubnetPool| SubnetPool::new(&pool.base, pool.size);
                options.subnet_pools = pools.iter().map(pool).collect::<cove_network::Result<_>>()?;
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
}

fn missing_runtime(name: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "default OCI runtime {name:?} not found: install it, or name another one with --runtime: invalid argument"
        ),
    )
}

/// The value in the cell, made at the first call.
pub(crate) fn lazily<T>(cell: &OnceLock<T>, open: impl FnOnce() -> Result<T>) -> Result<&T> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let opened = open()?;
    Ok(cell.get_or_init(|| opened))
}
