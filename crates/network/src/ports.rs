//! Published ports: checked by binding them, and reserved between containers.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use cove_api::{Protocol, PublishedPort};
use cove_sys::fs;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use crate::error::{Error, Result};

/// How often another free port is tried before the search is given up.
const FREE_PORT_TRIES: usize = 200;

/// Most ports for which two sockets are open each: more would use up the descriptors of a process.
const DUAL_LIMIT: usize = 256;

/// Each port once, in order.
pub(crate) fn distinct(ports: &[PublishedPort]) -> Vec<PublishedPort> {
    ports.iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
}

fn socket(address: SocketAddr, protocol: Protocol) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let (kind, number) = match protocol {
        Protocol::Udp => (SocketType::DGRAM, rustix::net::ipproto::UDP),
        Protocol::Sctp => (SocketType::STREAM, rustix::net::ipproto::SCTP),
        Protocol::Tcp => (SocketType::STREAM, rustix::net::ipproto::TCP),
    };
    let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, Some(number))?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    Ok(socket)
}

/// Binds one port, with a listener for TCP; the descriptor holds the port while it is open.
fn bind(address: SocketAddr, protocol: Protocol) -> io::Result<OwnedFd> {
    let socket = socket(address, protocol)?;
    let is_stream = protocol != Protocol::Udp;
    if is_stream {
        // Connections of an earlier container that the kernel still remembers must not hold the port.
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    rustix::net::bind(&socket, &address)?;
    if is_stream {
        rustix::net::listen(&socket, 16)?;
    }
    Ok(socket)
}

/// The first port that needs no rights; 1024 where the host says nothing else.
fn first_unprivileged() -> u16 {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(1024)
}

fn bind_mapping(port: &PublishedPort) -> Result<Option<OwnedFd>> {
    let address = port.host();
    match bind(address, port.protocol) {
        Ok(socket) => Ok(Some(socket)),
        Err(error) => match error.raw_os_error() {
            Some(libc::EADDRINUSE) => {
                Err(Error::PortInUse { protocol: port.protocol, address: address.to_string() })
            }
            Some(libc::EACCES) if port.host_port < first_unprivileged() => Err(Error::PrivilegedPort {
                protocol: port.protocol,
                address: address.to_string(),
                port: port.host_port,
                first: first_unprivileged(),
            }),
            // A kernel without SCTP sockets still forwards its packets; without IPv6 there is nothing to hold.
            Some(libc::EPROTONOSUPPORT | libc::ESOCKTNOSUPPORT) if port.protocol == Protocol::Sctp => {
                Ok(None)
            }
            _ => {
                Err(Error::PortBind { protocol: port.protocol, address: address.to_string(), source: error })
            }
        },
    }
}

/// Whether connections are accepted on what is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holding {
    /// They are: rootless.
    Served,
    /// The firewall leads them elsewhere, before a socket is looked for.
    Held,
}

/// Binds every port, picking free ones for host port 0 (written back into `ports`). A port that names no address is
/// everybody's: it is bound for IPv6, too.
pub(crate) fn reserve(ports: &mut [PublishedPort], holding: Holding) -> Result<Vec<OwnedFd>> {
    let mut sockets = Vec::new();
    let both = ports.len() <= DUAL_LIMIT;
    for port in ports.iter().filter(|port| port.host_port != 0) {
        sockets.extend(bind_mapping(port)?);
        if both && port.host_ip.is_none() {
            sockets.extend(bind_ipv6(port, holding)?);
        }
    }
    for port in ports.iter_mut().filter(|port| port.host_port == 0) {
        let socket = free_port(port)?;
        sockets.push(socket);
    }
    Ok(sockets)
}

/// The port of all IPv6 addresses; nothing where the host has no such.
fn bind_ipv6(port: &PublishedPort, holding: Holding) -> Result<Option<OwnedFd>> {
    let address = SocketAddr::from(([0u16; 8], port.host_port));
    let bound = match holding {
        Holding::Served => bind(address, port.protocol),
        Holding::Held => hold(address, port.protocol),
    };
    match bound {
        Ok(socket) => Ok(Some(socket)),
        Err(error) if error.raw_os_error() == Some(libc::EADDRINUSE) => {
            Err(Error::PortInUse { protocol: port.protocol, address: address.to_string() })
        }
        Err(_) => Ok(None),
    }
}

/// Binds a port without listening: whoever connects where no rule leads to the container is refused at once. A socket that
/// does not listen holds its port only without the right to share it.
fn hold(address: SocketAddr, protocol: Protocol) -> io::Result<OwnedFd> {
    let socket = socket(address, protocol)?;
    rustix::net::bind(&socket, &address)?;
    Ok(socket)
}

fn free_port(port: &mut PublishedPort) -> Result<OwnedFd> {
    let address = port.host();
    let failed = |source| Error::PortBind { protocol: port.protocol, address: address.to_string(), source };
    let mut last = io::Error::other("no free port");
    for _ in 0..FREE_PORT_TRIES {
        match bind(address, port.protocol) {
            Ok(socket) => {
                let bound = rustix::net::getsockname(&socket).map_err(|error| failed(error.into()))?;
                let bound = SocketAddr::try_from(bound).map_err(|error| failed(error.into()))?;
                port.host_port = bound.port();
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}

/// Which container published which host port: a symbolic link for each, `PROTOCOL_ADDRESS_PORT -> HOLDER`.
///
/// A reservation is needed besides the bound socket because the socket may be gone while the rules are there
/// (its holder was killed).
#[derive(Debug, Clone)]
pub(crate) struct PortLeases {
    folder: PathBuf,
}

impl PortLeases {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn file_name(port: &PublishedPort) -> String {
        format!("{}_{}_{}", port.protocol, port.host_port, port.host().ip())
    }

    /// Reserves all of `ports` for `holder`, or none. `alive` says whether another holder still exists.
    pub(crate) fn take(
        &self,
        ports: &[PublishedPort],
        holder: &str,
        alive: &dyn Fn(&str) -> bool,
    ) -> Result<()> {
        if ports.is_empty() {
            return Ok(());
        }
        fs::create_dir_all(&self.folder).map_err(|error| Error::file("creating", &self.folder, error))?;
        let present = self.present()?;
        let mut taken = Vec::new();
        for port in ports {
            if let Err(error) = self.take_one(port, holder, alive, &present) {
                self.release(&taken, holder);
                return Err(error);
            }
            taken.push(*port);
        }
        Ok(())
    }

    fn take_one(
        &self,
        port: &PublishedPort,
        holder: &str,
        alive: &dyn Fn(&str) -> bool,
        present: &[String],
    ) -> Result<()> {
        let in_use = || Error::PortInUse { protocol: port.protocol, address: port.host().to_string() };
        // A wildcard and a single address exclude each other.
        let prefix = format!("{}_{}_", port.protocol, port.host_port);
        let ours = port.host().ip();
        for name in present {
            let Some(other) = name.strip_prefix(&prefix).and_then(|text| text.parse::<IpAddr>().ok()) else {
                continue;
            };
            let overlap = other.is_ipv4() == ours.is_ipv4()
                && (other == ours || other.is_unspecified() || ours.is_unspecified());
            let path = self.folder.join(name);
            if let (true, Ok(by)) = (overlap, fs::read_link(&path)) {
                let by = by.to_string_lossy();
                if by != holder && alive(&by) {
                    return Err(in_use());
                }
                let _ = fs::remove_file(&path);
            }
        }
        let path = self.folder.join(Self::file_name(port));
        match fs_err::os::unix::fs::symlink(holder, &path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(in_use()),
            Err(error) => Err(Error::file("reserving", &path, error)),
        }
    }

    fn present(&self) -> Result<Vec<String>> {
        match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(Error::file("reading", &self.folder, error)),
            Ok(entries) => {
                Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
            }
        }
    }

    /// Gives ports back, as far as `holder` has them.
    pub(crate) fn release(&self, ports: &[PublishedPort], holder: &str) {
        for port in ports {
            self.release_file(&self.folder.join(Self::file_name(port)), &|by| by == holder);
        }
    }

    /// Gives back all ports whose holder is `stale`.
    pub(crate) fn release_where(&self, stale: &dyn Fn(&str) -> bool) -> Result<usize> {
        Ok(self.present()?.iter().filter(|name| self.release_file(&self.folder.join(name), stale)).count())
    }

    fn release_file(&self, path: &Path, stale: &dyn Fn(&str) -> bool) -> bool {
        fs::read_link(path).is_ok_and(|by| stale(&by.to_string_lossy())) && fs::remove_file(path).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(ip: &str, host: u16, container: u16, protocol: Protocol) -> PublishedPort {
        PublishedPort { host_ip: ip.parse().ok(), host_port: host, container_port: container, protocol }
    }

    #[test]
    fn a_port_is_reserved_once() {
        let mut first = [port("127.0.0.1", 0, 80, Protocol::Tcp), port("127.0.0.1", 0, 80, Protocol::Udp)];
        let held = reserve(&mut first, Holding::Held).unwrap();
        assert_eq!(held.len(), 2);
        assert!(first.iter().all(|port| port.host_port != 0));
        let error = reserve(&mut first.clone(), Holding::Held).unwrap_err().to_string();
        assert!(error.contains("listen") && error.contains("address already in use"), "{error}");
        drop(held);
        reserve(&mut first, Holding::Held).unwrap();
    }

    #[test]
    fn leases_exclude_wildcards() {
        let folder = tempfile::tempdir().unwrap();
        let leases = PortLeases::new(folder.path().join("ports"));
        let any = [port("", 80, 80, Protocol::Tcp)];
        let local = [port("127.0.0.1", 81, 1, Protocol::Tcp), port("127.0.0.1", 80, 80, Protocol::Tcp)];
        leases.take(&any, "a", &|_| true).unwrap();
        leases.take(&any, "a", &|_| true).unwrap();
        assert!(matches!(leases.take(&local, "b", &|_| true), Err(Error::PortInUse { .. })));
        assert_eq!(leases.present().unwrap().len(), 1, "a failed attempt leaves nothing");
        leases.take(&local, "b", &|holder| holder != "a").unwrap();
        leases
            .take(&[port("", 80, 80, Protocol::Udp), port("::1", 80, 80, Protocol::Tcp)], "c", &|_| true)
            .unwrap();
        leases.release(&local, "b");
        assert_eq!(leases.release_where(&|holder| holder == "c").unwrap(), 2);
        assert!(leases.present().unwrap().is_empty());
    }
}
