//! The networks of one engine: where everything lies, and the use-cases on the network files.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use cove_api::{Filters, Network, NetworkCreateOptions};
use cove_sys::fs;
use cove_sys::program::{Program, Tool};

use crate::addr::Cidr;
use crate::config::ConfigStore;
use crate::error::{Error, Result};
use crate::filter::matches;
use crate::firewall::Firewall;
use crate::ident;
use crate::ipam::Leases;
use crate::netns;
use crate::pool::SubnetPool;
use crate::ports::PortLeases;
use crate::record::{Record, Records};

/// Where things lie and how networks are made.
#[derive(Debug, Clone)]
pub struct NetworksOptions {
    /// Folder of the configuration files: `/etc/containers/networks`, or `GRAPHROOT/networks` rootless.
    pub config_dir: PathBuf,
    /// Folder for leases, records and namespaces, on a tmpfs. All engines that share a network namespace (all of
    /// root's on one machine) must use the same one, whatever their graph roots: `/run/containers/networks/cove`,
    /// or `$XDG_RUNTIME_DIR/containers/networks/cove` rootless.
    pub run_dir: PathBuf,
    /// Folder of aardvark-dns, shared with podman: `/run/containers/networks/aardvark-dns`, or
    /// `$XDG_RUNTIME_DIR/containers/networks/aardvark-dns` rootless.
    pub dns_dir: PathBuf,
    /// What tells this engine's containers from others' in `run_dir`: its graph root.
    pub owner: String,
    /// Name of the default network (containers.conf `default_network`).
    pub default_network: String,
    /// Its subnet (`default_subnet`).
    pub default_subnet: Cidr,
    /// Where free subnets come from (`default_subnet_pools`).
    pub subnet_pools: Vec<SubnetPool>,
    /// Port of the name servers; 0 is 53 (`dns_bind_port`).
    pub dns_bind_port: u16,
    /// Folders of helper programs (`helper_binaries_dir`), searched before the usual ones.
    pub helper_dirs: Vec<PathBuf>,
    /// The caller is uid 0 of a user namespace that is not the first one.
    pub rootless: bool,
    /// Program and arguments of a process that calls [`crate::forward`] with what it reads from its standard
    /// input. Without it, ports of rootless bridge networks cannot be published.
    pub port_forwarder: Vec<std::ffi::OsString>,
}

impl NetworksOptions {
    /// Podman's places and values: for root where `rootless_dirs` is `None`, else with the graph root and the
    /// run-time folder (`$XDG_RUNTIME_DIR/containers`) of the user. `graph_root` tells engines apart.
    pub fn new(graph_root: &std::path::Path, rootless_run_dir: Option<&std::path::Path>) -> Result<Self> {
        let run =
            rootless_run_dir.map_or_else(|| PathBuf::from("/run/containers"), PathBuf::from).join("networks");
        Ok(Self {
            config_dir: match rootless_run_dir {
                None => PathBuf::from("/etc/containers/networks"),
                Some(_) => graph_root.join("networks"),
            },
            dns_dir: run.join("aardvark-dns"),
            run_dir: run.join("cove"),
            owner: graph_root.to_string_lossy().into_owned(),
            default_network: "podman".into(),
            default_subnet: "10.88.0.0/16".parse()?,
            subnet_pools: SubnetPool::defaults(),
            dns_bind_port: 53,
            helper_dirs: Vec::new(),
            rootless: rootless_run_dir.is_some(),
            port_forwarder: Vec::new(),
        })
    }
}

/// The networks of one engine. Cheap to make; safe to use from several threads and processes at once.
#[derive(Debug)]
pub struct Networks {
    pub(crate) options: NetworksOptions,
    pub(crate) config: ConfigStore,
    pub(crate) records: Records,
    pub(crate) leases: Leases,
    pub(crate) port_leases: PortLeases,
    pub(crate) owner: String,
    pub(crate) netns_folder: PathBuf,
    firewall_lock: PathBuf,
    pub(crate) helper_dirs: Vec<PathBuf>,
}

impl Networks {
    /// Takes the options and makes the run directory.
    ///
    /// # Errors
    /// The run directory cannot be made.
    pub fn new(options: NetworksOptions) -> Result<Self> {
        let run = &options.run_dir;
        fs::create_dir_all(run).map_err(|error| Error::file("creating", run, error))?;
        let owner = format!("{:08x}", ident::hash(&[&options.owner]) & 0xffff_ffff);
        let mut helper_dirs = options.helper_dirs.clone();
        for folder in [
            "/usr/local/libexec/podman",
            "/usr/local/lib/podman",
            "/usr/libexec/podman",
            "/usr/lib/podman",
            "/usr/local/sbin",
            "/usr/local/bin",
            "/usr/sbin",
            "/usr/bin",
            "/sbin",
            "/bin",
        ] {
            helper_dirs.push(PathBuf::from(folder));
        }
        Ok(Self {
            config: ConfigStore {
                folder: options.config_dir.clone(),
                default_network: options.default_network.clone(),
                default_subnet: options.default_subnet,
                pools: options.subnet_pools.clone(),
            },
            records: Records::new(run.join("records")),
            leases: Leases::new(run.join("leases")),
            port_leases: PortLeases::new(run.join("ports")),
            netns_folder: run.join("netns").join(&owner),
            firewall_lock: run.join("firewall.lock"),
            owner,
            helper_dirs,
            options,
        })
    }

    /// A helper program.
    pub(crate) fn program(&self, tool: &'static Tool) -> Result<Arc<Program>> {
        program(tool, &self.helper_dirs)
    }

    pub(crate) fn firewall(&self) -> Firewall<'_> {
        Firewall { lock: &self.firewall_lock, folders: &self.helper_dirs }
    }

    /// Creates a network from what is given (name, driver, subnets, options, …) and fills in the rest. Names of
    /// Docker's options for mtu, bridge name and macvlan mode are understood.
    ///
    /// # Errors
    /// A name, subnet or bridge in use; an option that is not supported.
    pub fn create(&self, network: Network, options: NetworkCreateOptions) -> Result<Network> {
        self.config.create(network, options)
    }

    /// All networks that pass `filters` (see [`matches`]), by name.
    ///
    /// # Errors
    /// An unknown filter, or a folder that cannot be read.
    pub fn list(&self, filters: &Filters) -> Result<Vec<Network>> {
        let mut found = Vec::new();
        for network in self.config.load()?.into_values() {
            if matches(&network, filters)? {
                found.push(network);
            }
        }
        Ok(found)
    }

    /// One network by name, id, or the unambiguous start of an id.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn inspect(&self, name_or_id: &str) -> Result<Network> {
        self.config.find(name_or_id)
    }

    /// Whether a network of this name or id exists.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn exists(&self, name_or_id: &str) -> Result<bool> {
        match self.config.find(name_or_id) {
            Ok(_) => Ok(true),
            Err(Error::NetworkNotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Changes which name servers a network asks: adds some, takes some away. Those of running containers follow.
    ///
    /// # Errors
    /// No such network, or `add` has something that is no address.
    pub fn update_dns(&self, name_or_id: &str, add: &[String], remove: &[String]) -> Result<Network> {
        let network = self.config.update_dns(name_or_id, add, remove)?;
        for mut record in self.records.all()? {
            if let Some(entry) = record.networks.get_mut(&network.name) {
                entry.network.network_dns_servers.clone_from(&network.network_dns_servers);
                self.records.write(&record)?;
            }
        }
        self.in_host_if_there(|| self.dns_update(&network))?;
        Ok(network)
    }

    /// Removes a network: its file, bridge, rules and leases. Whether containers use it is the caller's to check.
    ///
    /// # Errors
    /// No such network, the default network, or what could not be removed.
    pub fn remove(&self, name_or_id: &str) -> Result<Network> {
        let network = self.config.remove(name_or_id)?;
        let mut errors = Vec::new();
        let mut rest = self.records.all()?;
        for record in &mut rest {
            record.networks.remove(&network.name);
        }
        errors.extend(
            self.in_host_if_there(|| {
                let mut errors = Vec::new();
                errors.extend(self.firewall().remove_network(&network, &rest).err());
                errors.extend(self.dns_forget(&network).err());
                if crate::settings::has_own_bridge(&network) && !network.network_interface.is_empty() {
                    let mut socket = crate::setup::route_socket()?;
                    if crate::link::find(&mut socket, &network.network_interface)?
                        .is_some_and(|device| device.kind == "bridge")
                    {
                        errors.extend(crate::link::delete(&mut socket, &network.network_interface).err());
                    }
                }
                Error::collected(errors)
            })
            .err(),
        );
        errors.extend(self.leases.forget(&network.name).err());
        Error::collected(errors)?;
        Ok(network)
    }

    /// Removes what belongs to containers of this engine that no longer live: namespaces, leases, rules, names.
    /// Returns how many containers were cleaned up.
    ///
    /// # Errors
    /// What could not be removed; everything is tried.
    pub fn gc(&self, live: &BTreeSet<String>) -> Result<usize> {
        let mut errors = Vec::new();
        let mut count = 0;
        let mut known = BTreeSet::new();
        for record in self.records.all()? {
            known.insert(record.holder());
            if record.owner == self.owner && !live.contains(&record.id) {
                count += 1;
                errors.extend(self.teardown_record(&record).err());
            }
        }
        let suffix = format!("@{}", self.owner);
        let stale = |holder: &str| {
            holder.strip_suffix(&suffix).is_some_and(|id| !live.contains(id)) && !self.records.exists(holder)
        };
        errors.extend(self.leases.release_where(&|_, holder| stale(holder)).err());
        errors.extend(self.port_leases.release_where(&stale).err());
        match fs::read_dir(&self.netns_folder) {
            Ok(entries) => {
                for name in entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
                    if !live.contains(&name) {
                        errors.extend(netns::remove(&self.netns_folder.join(&name)).err());
                    }
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => errors.push(Error::file("reading", &self.netns_folder, error)),
        }
        Error::collected(errors)?;
        Ok(count)
    }

    /// Ends the helper processes of a container. The start time keeps a pid that came back from being hit.
    pub(crate) fn end_processes(&self, record: &Record) {
        for (pid, start) in &record.processes {
            crate::process::end(*pid, *start);
        }
    }
}
/// A helper program in these folders.
pub(crate) fn program(tool: &'static Tool, folders: &[PathBuf]) -> Result<Arc<Program>> {
    tool.find(folders, None)
        .map_err(|_| Error::MissingProgram { program: tool.name.into(), package: tool.package.into() })
}
