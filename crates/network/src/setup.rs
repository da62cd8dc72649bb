//! Connecting a container's network namespace to its networks, and taking it down again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use cove_api::{Network, NetworkAddress, NetworkInterface, NetworkStatus, PerNetworkOptions, PublishedPort};

use crate::addr::{self, Cidr, random_mac};
use crate::attach::{Plan, attach_bridge, attach_child, configure, wait_for_port};
use crate::error::{Error, Result};
use crate::ident;
use crate::ipam::Pool;
use crate::link;
use crate::netlink::Socket;
use crate::netns;
use crate::ports;
use crate::record::{Record, RecordNetwork};
use crate::route;
use crate::settings::{Driver, Ipam, Settings};
use crate::store::Networks;

/// What a container wants of its networks.
#[derive(Debug, Clone, Default)]
pub struct SetupOptions {
    /// The container's id.
    pub container_id: String,
    /// Its name, which the name servers of its networks answer.
    pub container_name: String,
    /// Its namespace, as made by [`Networks::create_netns`] or any other file of a namespace.
    pub netns: PathBuf,
    /// Networks by name, with how it joins them. An empty interface name is `eth0`, `eth1`, … in the order of
    /// the names.
    pub networks: BTreeMap<String, PerNetworkOptions>,
    /// Published ports.
    pub ports: Vec<PublishedPort>,
    /// Name servers to forward to instead of the host's (`--dns`).
    pub dns_servers: Vec<String>,
}

/// What [`Networks::setup`] did.
#[derive(Debug, Default)]
pub struct SetupReport {
    /// By network name.
    pub networks: BTreeMap<String, NetworkStatus>,
    /// The published ports with the host ports that were chosen for 0, one entry for each single port.
    pub ports: Vec<PublishedPort>,
    /// Address under which the container reaches the host (`host.containers.internal`), where there is one.
    pub host: Option<IpAddr>,
    /// Bound sockets that reserve the host's ports: whoever keeps them open (the monitor) keeps other programs
    /// from taking the ports. Forwarding works without them.
    pub sockets: Vec<OwnedFd>,
}

impl Networks {
    /// Connects a container to its networks and publishes its ports. What an earlier attempt for the same
    /// container left is taken down first. On an error nothing is left.
    ///
    /// # Errors
    /// A network that does not exist, an address or host port in use, a missing program (`nft`,
    /// `aardvark-dns`), or the kernel's refusal.
    pub fn setup(&self, options: &SetupOptions) -> Result<SetupReport> {
        ident::check_id(&options.container_id)?;
        let namespace = netns::open(&options.netns)
            .map_err(|error| Error::file("opening the network namespace", &options.netns, error))?;
        self.teardown(&options.container_id)?;
        let mut record =
            Record::new(&self.owner, &options.container_id, &options.container_name, &options.netns);
        record.dns_servers = options.dns_servers.clone();
        record.ports = ports::distinct(&options.ports);
        let holding = if self.options.rootless { ports::Holding::Served } else { ports::Holding::Held };
        let mut sockets = ports::reserve(&mut record.ports, holding)?;
        if self.options.rootless {
            // The forwarder binds them itself.
            sockets.clear();
        }
        let mut report = SetupReport { ports: record.ports.clone(), sockets, ..SetupReport::default() };
        let holder = record.holder();
        self.port_leases.take(&record.ports, &holder, &|other| self.records.exists(other))?;

        let result = self.connect_all(&mut record, options, namespace.as_fd());
        if let Err(error) = result {
            if let Err(cleanup) = self.teardown_record(&record) {
                tracing::warn!("taking down the network of {}: {cleanup}", record.id);
            }
            return Err(error);
        }
        report.host = self.host_address(&record);
        report.networks =
            record.networks.iter().map(|(name, entry)| (name.clone(), entry.status.clone())).collect();
        Ok(report)
    }

    /// For root, the first gateway, which is an address of the host. Rootless, the gateways are not the host's.
    fn host_address(&self, record: &Record) -> Option<IpAddr> {
        if self.options.rootless {
            return self.shared_host_address();
        }
        let bridges = record.networks.values().filter(|entry| !entry.host_device.is_empty());
        bridges.flat_map(|entry| &entry.network.subnets).find_map(|subnet| subnet.gateway.parse().ok())
    }

    fn connect_all(
        &self,
        record: &mut Record,
        options: &SetupOptions,
        namespace: BorrowedFd<'_>,
    ) -> Result<()> {
        let names = interface_names(&options.networks)?;
        let mut plans = Vec::new();
        for (name, how) in &options.networks {
            let network = self.config.find(name)?;
            let interface = names.get(name).cloned().unwrap_or_default();
            let plan = self.plan(record, network, how, interface)?;
            plans.push(plan);
        }
        self.records.write(record)?;
        self.in_host(|| self.attach(record, &plans, namespace))?;
        self.forward_ports(record)
    }

    /// Rootless, starts the forwarder of published ports where none runs.
    pub(crate) fn forward_ports(&self, record: &mut Record) -> Result<()> {
        let running = record.processes.iter().any(|(pid, start)| crate::process::alive(*pid, *start));
        if !self.options.rootless || record.ports.is_empty() || record.networks.is_empty() || running {
            return Ok(());
        }
        let targets = [true, false].into_iter().filter_map(|ipv4| record.target(ipv4)).collect();
        record.processes = vec![self.start_forwarder(&record.netns, targets, &record.ports)?];
        self.records.write(record)
    }

    pub(crate) fn delete_device(&self, record: &Record, entry: &RecordNetwork) -> Result<()> {
        if !entry.host_device.is_empty() {
            return self.in_host_if_there(|| link::delete(&mut route_socket()?, &entry.host_device));
        }
        match netns::open(&record.netns) {
            Ok(namespace) => {
                netns::within(namespace.as_fd(), || link::delete(&mut route_socket()?, &entry.interface))
            }
            Err(_) => Ok(()),
        }
    }

    /// Leases the addresses and notes in `record` what will be made; nothing in the kernel changes.
    pub(crate) fn plan(
        &self,
        record: &mut Record,
        network: Network,
        how: &PerNetworkOptions,
        interface: String,
    ) -> Result<Plan> {
        let settings = Settings::parse(&network)?;
        let is_bridge = matches!(settings.driver, Driver::Bridge { .. });
        for key in how.options.keys() {
            if !(key == "host_interface_name" && is_bridge) {
                return Err(Error::Unsupported(format!(
                    "option {key} of network {} for a container is not supported",
                    network.name
                )));
            }
        }
        let host_device = match how.options.get("host_interface_name") {
            Some(name) => {
                ident::check_device_name(name)?;
                name.clone()
            }
            None if is_bridge => ident::veth_name(&record.holder(), &network.id),
            None => String::new(),
        };
        let (mac, static_mac) = match how.static_mac.as_str() {
            "" => (random_mac(), false),
            text => (text.parse().map_err(|error: cove_api::Error| Error::Invalid(error.message))?, true),
        };
        let mut names = vec![record.name.clone()];
        for alias in &how.aliases {
            if !names.contains(alias) {
                names.push(alias.clone());
            }
        }
        names.retain(|name| !name.is_empty());
        let name = network.name.clone();
        // In the record before the first lease, so that an error gives back what was leased.
        record.networks.insert(
            name.clone(),
            RecordNetwork {
                network,
                interface: interface.clone(),
                host_device,
                addresses: Vec::new(),
                names,
                status: NetworkStatus::default(),
            },
        );
        let holder = record.holder();
        let Some(entry) = record.networks.get_mut(&name) else {
            return Err(Error::NetworkNotFound(name));
        };
        let mut wanted = Vec::new();
        for text in &how.static_ips {
            wanted.push(
                text.parse::<IpAddr>()
                    .map_err(|_| Error::Invalid(format!("invalid static IP address {text:?}")))?,
            );
        }
        let mut addresses = Vec::new();
        if settings.ipam == Ipam::HostLocal {
            for subnet in &settings.subnets {
                let pool = Pool {
                    network: &name,
                    subnet: subnet.subnet,
                    gateway: subnet.gateway,
                    range: subnet.range,
                    avoid: self.addresses_of_others(&entry.network, &settings)?,
                    shared: self.podman_leases(),
                };
                let wish = wanted.iter().position(|address| subnet.subnet.contains(*address));
                let address = match wish {
                    Some(position) => {
                        let address = wanted.remove(position);
                        self.leases.lease_static(&pool, address, &holder)?;
                        address
                    }
                    None => match self.leases.lease(&pool, &holder) {
                        // What was seen may be the memory of a container that has ended.
                        Err(Error::Exhausted { .. }) if !pool.avoid.is_empty() => {
                            self.leases.lease(&Pool { avoid: BTreeSet::new(), ..pool }, &holder)?
                        }
                        other => other?,
                    },
                };
                entry.addresses.push(address);
                let cidr = Cidr::new(address, subnet.subnet.prefix())
                    .ok_or_else(|| Error::Invalid(format!("subnet {} has a wrong prefix", subnet.subnet)))?;
                addresses.push((cidr, subnet.gateway));
            }
        }
        if let Some(address) = wanted.iter().find(|address| addr::link_local(**address).is_none()) {
            return Err(Error::Invalid(format!(
                "requested static ip {address} not in any subnet on network {name}"
            )));
        }
        let bridge_dns = settings.driver == Driver::Bridge { managed: true } && entry.network.dns_enabled;
        entry.status = NetworkStatus {
            interfaces: BTreeMap::from([(
                interface,
                NetworkInterface {
                    subnets: addresses
                        .iter()
                        .map(|(cidr, gateway)| NetworkAddress {
                            ipnet: cidr.to_string(),
                            gateway: gateway.map(|gateway| gateway.to_string()).unwrap_or_default(),
                        })
                        .collect(),
                    mac_address: mac.to_string(),
                },
            )]),
            dns_server_ips: if bridge_dns {
                settings.subnets.iter().filter_map(|subnet| subnet.gateway.map(|ip| ip.to_string())).collect()
            } else {
                Vec::new()
            },
            dns_search_domains: if bridge_dns { vec!["dns.podman".into()] } else { Vec::new() },
        };
        // On the interface only: nobody leases them, and no name or port leads to them.
        addresses.extend(wanted.into_iter().filter_map(addr::link_local).map(|address| (address, None)));
        let entry = entry.clone();
        let named_by_user = how.options.contains_key("host_interface_name");
        Ok(Plan { settings, entry, addresses, mac, static_mac, named_by_user })
    }

    /// Makes the devices, in the host's namespace and the container's.
    pub(crate) fn attach(&self, record: &Record, plans: &[Plan], namespace: BorrowedFd<'_>) -> Result<()> {
        let mut socket = route_socket()?;
        for plan in plans {
            match plan.settings.driver {
                Driver::Bridge { .. } => {
                    attach_bridge(&mut socket, plan, namespace, !record.ports.is_empty())?
                }
                Driver::Macvlan(mode) => attach_child(&mut socket, plan, "macvlan", mode, namespace)?,
                Driver::Ipvlan(mode) => attach_child(&mut socket, plan, "ipvlan", mode, namespace)?,
            }
        }
        let mut macs = Vec::new();
        netns::within(namespace, || {
            let mut socket = route_socket()?;
            link::set_up(&mut socket, 1)?;
            for plan in plans {
                macs.push(configure(&mut socket, plan)?);
            }
            Ok(())
        })?;
        self.firewall().add(record, &|| self.records.all())?;
        for plan in plans {
            self.dns_add(record, &plan.entry)?;
        }
        for plan in plans.iter().filter(|plan| !plan.entry.host_device.is_empty()) {
            wait_for_port(&mut socket, &plan.entry.host_device)?;
        }
        Ok(())
    }

    /// Takes everything of a container down. What is gone already is fine; all steps are tried.
    ///
    /// # Errors
    /// What could not be undone, all of it.
    pub fn teardown(&self, container_id: &str) -> Result<()> {
        ident::check_id(container_id)?;
        match self.records.read(&self.owner, container_id)? {
            Some(record) => self.teardown_record(&record),
            None => self.teardown_unknown(container_id),
        }
    }

    /// Cleans up after a container whose record is missing or unreadable: by a search where the record was there.
    fn teardown_unknown(&self, container_id: &str) -> Result<()> {
        let holder = format!("{container_id}@{}", self.owner);
        if !self.records.exists(&holder) {
            return Ok(());
        }
        let mut errors = Vec::new();
        errors.extend(self.records.remove(&self.owner, container_id).err());
        errors.extend(self.leases.release_where(&|_, other| other == holder).err());
        errors.extend(self.port_leases.release_where(&|other| other == holder).err());
        errors.extend(
            self.in_host_if_there(|| {
                self.firewall().rebuild(&self.records.all()?)?;
                for network in self.config.load()?.values() {
                    self.dns_remove(network, container_id)?;
                }
                Ok(())
            })
            .err(),
        );
        Error::collected(errors)
    }

    pub(crate) fn teardown_record(&self, record: &Record) -> Result<()> {
        let mut errors = Vec::new();
        let mut note = |result: Result<()>| errors.extend(result.err());
        let holder = record.holder();
        self.end_processes(record);
        if !record.networks.is_empty() {
            note(self.in_host_if_there(|| {
                let mut errors = Vec::new();
                errors.extend(self.firewall().remove(record, &|| self.records.all()).err());
                for entry in record.networks.values() {
                    errors.extend(self.dns_remove(&entry.network, &record.id).err());
                }
                Error::collected(errors)
            }));
        }
        // The end of a namespace takes its devices along, at no cost for us; in one that stays they must go.
        if !record.netns.starts_with(&self.netns_folder) {
            for entry in record.networks.values() {
                note(self.delete_device(record, entry));
            }
        }
        for entry in record.networks.values() {
            for address in &entry.addresses {
                note(self.leases.release(&entry.network.name, *address, &holder));
            }
        }
        self.port_leases.release(&record.ports, &holder);
        note(self.records.remove(&record.owner, &record.id));
        if !record.networks.is_empty() {
            note(self.end_shared_netns_if_unused());
        }
        Error::collected(errors)
    }

    /// Restores the rules and name service of one container after others cleared them (`network reload`).
    ///
    /// # Errors
    /// As [`Networks::setup`].
    pub fn reload(&self, container_id: &str) -> Result<BTreeMap<String, NetworkStatus>> {
        ident::check_id(container_id)?;
        let Some(mut record) = self.records.read(&self.owner, container_id)? else {
            return Ok(BTreeMap::new());
        };
        if record.networks.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.in_host(|| {
            self.firewall().rebuild(&self.records.all()?)?;
            for entry in record.networks.values() {
                self.dns_add(&record, entry)?;
            }
            Ok(())
        })?;
        self.forward_ports(&mut record)?;
        Ok(record.networks.into_iter().map(|(name, entry)| (name, entry.status)).collect())
    }
}

pub(crate) fn route_socket() -> Result<Socket> {
    Socket::route().map_err(|error| Error::kernel("opening a netlink socket", error))
}

/// Chooses `ethN` for the networks that name no interface.
fn interface_names(networks: &BTreeMap<String, PerNetworkOptions>) -> Result<BTreeMap<String, String>> {
    let mut names = BTreeMap::new();
    let mut used = BTreeSet::new();
    for (network, how) in networks {
        if how.interface_name.is_empty() {
            continue;
        }
        ident::check_device_name(&how.interface_name)?;
        if !used.insert(how.interface_name.clone()) {
            return Err(Error::Invalid(format!("interface name {} is used twice", how.interface_name)));
        }
        names.insert(network.clone(), how.interface_name.clone());
    }
    for network in networks.keys() {
        if !names.contains_key(network) {
            let name = free_interface(&used);
            used.insert(name.clone());
            names.insert(network.clone(), name);
        }
    }
    Ok(names)
}

pub(crate) fn free_interface(used: &BTreeSet<String>) -> String {
    (0u32..).map(|number| format!("eth{number}")).find(|name| !used.contains(name)).unwrap_or_default()
}

impl Networks {
    /// Addresses on the network's bridge that no lease of ours explains: containers of podman, which keeps its
    /// own lease file.
    fn addresses_of_others(&self, network: &Network, settings: &Settings) -> Result<BTreeSet<IpAddr>> {
        if !matches!(settings.driver, Driver::Bridge { .. }) {
            return Ok(BTreeSet::new());
        }
        self.in_host(|| {
            let mut socket = route_socket()?;
            let Some(bridge) = link::find(&mut socket, &network.network_interface)? else {
                return Ok(BTreeSet::new());
            };
            let neighbours = route::neighbours(&mut socket, bridge.index).unwrap_or_default();
            Ok(neighbours.into_iter().collect())
        })
    }

    /// Whether podman has leased addresses since boot: it keeps its store beside that of the name servers.
    fn podman_leases(&self) -> bool {
        self.options.dns_dir.parent().is_some_and(|folder| folder.join("ipam.db").exists())
    }

    /// Path of a container's namespace.
    pub(crate) fn netns_path(&self, container_id: &str) -> Result<PathBuf> {
        ident::check_id(container_id)?;
        Ok(self.netns_folder.join(container_id))
    }

    /// Makes a persistent network namespace with loopback up; the answer is its path. An existing one is kept.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn create_netns(&self, container_id: &str) -> Result<PathBuf> {
        let path = self.netns_path(container_id)?;
        netns::create(&path)?;
        Ok(path)
    }

    /// Keeps the network namespace at `from` (`/proc/PID/ns/net`) for a container, with loopback up; the answer is its
    /// path.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn adopt_netns(&self, container_id: &str, from: &Path) -> Result<PathBuf> {
        let path = self.netns_path(container_id)?;
        netns::adopt(&path, from)?;
        Ok(path)
    }

    /// Gives a container's namespace up. One that is gone is fine.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn remove_netns(&self, container_id: &str) -> Result<()> {
        netns::remove(&self.netns_path(container_id)?)
    }

    /// Whether `path` is a living network namespace.
    pub fn netns_exists(path: &Path) -> bool {
        netns::open(path).is_ok()
    }
}
