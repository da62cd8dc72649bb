//! User-mode networks for containers of ordinary users: pasta, or slirp4netns where pasta is missing.

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cove_api::{Protocol, PublishedPort};
use cove_sys::program;

use crate::addr::Cidr;
use crate::error::{Error, Result};
use crate::ident;
use crate::netns;
use crate::ports;
use crate::record::{Mode, Record};
use crate::route;
use crate::setup::route_socket;
use crate::store::Networks;

/// How long a program may take to be ready.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A user-mode network program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserNetwork {
    /// pasta, of the package passt.
    #[default]
    Pasta,
    /// slirp4netns.
    Slirp4netns,
}

/// What a container wants of its user-mode network.
#[derive(Debug, Clone, Default)]
pub struct UserlandOptions {
    /// Which program.
    pub network: UserNetwork,
    /// The container's id.
    pub container_id: String,
    /// Its namespace.
    pub netns: PathBuf,
    /// Published ports.
    pub ports: Vec<PublishedPort>,
    /// The program's options, from containers.conf and then from the user: command-line options of pasta, or
    /// `key=value` options of slirp4netns as in podman-run(1).
    pub program_options: Vec<String>,
}

/// What [`Networks::setup_userland`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserlandReport {
    /// The container's addresses.
    pub addresses: Vec<Cidr>,
    /// Addresses that answer DNS, for the container's `resolv.conf`.
    pub dns_servers: Vec<String>,
    /// Address under which the container reaches the host, where there is one.
    pub host: Option<IpAddr>,
    /// The published ports, single, with the host ports that were chosen for 0.
    pub ports: Vec<PublishedPort>,
}

/// What connects a namespace now.
pub(crate) struct Started {
    /// Pid and start time of the process that must live on, where there is one.
    pub(crate) process: Option<(i32, u64)>,
    pub(crate) report: UserlandReport,
}

impl Networks {
    /// The program used where the user names none: pasta, or slirp4netns where that is missing.
    ///
    /// # Errors
    /// Neither is installed.
    pub fn default_user_network(&self) -> Result<UserNetwork> {
        match self.program(&program::PASTA) {
            Ok(_) => Ok(UserNetwork::Pasta),
            Err(_) if self.program(&program::SLIRP4NETNS).is_ok() => Ok(UserNetwork::Slirp4netns),
            Err(error) => Err(error),
        }
    }

    /// Connects a container's namespace through a user-mode network, which lives until
    /// [`Networks::teardown`]. On an error nothing is left.
    ///
    /// # Errors
    /// A port in use, a missing program, or the program's own message.
    pub fn setup_userland(&self, options: &UserlandOptions) -> Result<UserlandReport> {
        ident::check_id(&options.container_id)?;
        if !self.options.rootless {
            return Err(Error::Unsupported(
                "pasta and slirp4netns networks are for rootless containers only".into(),
            ));
        }
        self.teardown(&options.container_id)?;
        let mut record = Record::new(&self.owner, &options.container_id, "", &options.netns);
        record.mode = match options.network {
            UserNetwork::Pasta => Mode::Pasta,
            UserNetwork::Slirp4netns => Mode::Slirp4netns,
        };
        record.ports = ports::distinct(&options.ports);
        if let Some(port) = record.ports.iter().find(|port| port.protocol == Protocol::Sctp) {
            return Err(Error::Unsupported(format!("can't forward protocol: {} (rootless)", port.protocol)));
        }
        // Taken to find conflicts and free ports, then left to the program.
        drop(ports::reserve(&mut record.ports, ports::Holding::Served)?);
        self.port_leases.take(&record.ports, &record.holder(), &|other| self.records.exists(other))?;
        let started = self.start_userland(options, &record.ports);
        let result = started.and_then(|Started { process, mut report }| {
            record.processes = process.into_iter().collect();
            report.ports = record.ports.clone();
            self.records.write(&record).map(|()| report)
        });
        if result.is_err() {
            self.end_processes(&record);
            self.port_leases.release(&record.ports, &record.holder());
        }
        result
    }

    /// Starts the program.
    pub(crate) fn start_userland(
        &self,
        options: &UserlandOptions,
        ports: &[PublishedPort],
    ) -> Result<Started> {
        match options.network {
            UserNetwork::Pasta => self.start_pasta(options, ports),
            UserNetwork::Slirp4netns => self.start_slirp(options, ports),
        }
    }
}

/// The addresses of a namespace other than loopback, and without link-local ones.
pub(crate) fn container_addresses(netns: &Path) -> Result<Vec<Cidr>> {
    let namespace =
        netns::open(netns).map_err(|error| Error::file("opening the network namespace", netns, error))?;
    netns::within(namespace.as_fd(), || {
        let mut found: Vec<Cidr> =
            route::addresses(&mut route_socket()?)?.into_iter().map(|(_, address)| address).collect();
        found.retain(|address| !address.addr().is_loopback() && !is_link_local(address.addr()));
        Ok(found)
    })
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.segments()[0] & 0xffc0 == 0xfe80,
    }
}

/// An IPv4 address of the host that is not also the container's.
pub(crate) fn host_address(taken: &[Cidr]) -> Option<IpAddr> {
    let addresses = route::addresses(&mut route_socket().ok()?).ok()?;
    addresses.into_iter().map(|(_, address)| address.addr()).find(|address| {
        address.is_ipv4() && !address.is_loopback() && taken.iter().all(|own| own.addr() != *address)
    })
}
