//! Published ports: expanded to single ports, checked by binding them, and reserved between containers.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use cove_api::PortMapping;
use cove_sys::fs;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use crate::error::{Error, Result};

/// Most single ports a container may publish: those there are, for each protocol.
const PORT_LIMIT: usize = 3 * 65_536;
/// How often another free port is tried before the search is given up.
const FREE_PORT_TRIES: usize = 200;

/// Turns ranges and lists of protocols into one mapping for each single port.
pub(crate) fn expand(ports: &[PortMapping]) -> Result<Vec<PortMapping>> {
    let mut single = BTreeSet::new();
    for port in ports {
        if port.container_port == 0 {
            return Err(Error::Invalid("container port number must be non-0".into()));
        }
        let host_ip = match port.host_ip.as_str() {
            "" | "0.0.0.0" => port.host_ip.clone(),
            text => text
                .trim_start_matches('[')
                .trim_end_matches(']')
                .parse::<IpAddr>()
                .map_err(|_| {
                    Error::Invalid(format!("host ip {text:?} of a published port is not an IP address"))
                })?
                .to_string(),
        };
        let range = port.range.max(1);
        let ends = |first: u16| first.checked_add(range - 1).is_none();
        if ends(port.container_port) || (port.host_port != 0 && ends(port.host_port)) {
            return Err(Error::Invalid(format!(
                "published port range of {range} from {} exceeds maximum port number 65535",
                port.container_port.max(port.host_port)
            )));
        }
        let protocols = if port.protocol.is_empty() { "tcp" } else { &port.protocol };
        for protocol in protocols.split(',').map(str::to_ascii_lowercase) {
            if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
                return Err(Error::Invalid(format!("unrecognized protocol {protocol:?} in port mapping")));
            }
            for offset in 0..range {
                single.insert(PortMapping {
                    host_ip: host_ip.clone(),
                    container_port: port.container_port + offset,
                    host_port: if port.host_port == 0 { 0 } else { port.host_port + offset },
                    range: 1,
                    protocol: protocol.clone(),
                });
                if single.len() > PORT_LIMIT {
                    return Err(Error::Invalid("too many published ports".into()));
                }
            }
        }
    }
    Ok(single.into_iter().collect())
}

fn bind_address(port: &PortMapping) -> IpAddr {
    port.host_ip.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Binds one port, with a listener for TCP; the descriptor holds the port while it is open.
fn bind(address: SocketAddr, protocol: &str) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let (kind, number) = match protocol {
        "udp" => (SocketType::DGRAM, rustix::net::ipproto::UDP),
        "sctp" => (SocketType::STREAM, rustix::net::ipproto::SCTP),
        _ => (SocketType::STREAM, rustix::net::ipproto::TCP),
    };
    let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, Some(number))?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    if kind == SocketType::STREAM {
        // Connections of an earlier container that the kernel still remembers must not hold the port.
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    rustix::net::bind(&socket, &address)?;
    if kind == SocketType::STREAM {
        rustix::net::listen(&socket, 16)?;
    }
    Ok(socket)
}

fn bind_mapping(port: &PortMapping) -> Result<Option<OwnedFd>> {
    let address = SocketAddr::new(bind_address(port), port.host_port);
    match bind(address, &port.protocol) {
        Ok(socket) => Ok(Some(socket)),
        Err(error) => match error.raw_os_error() {
            Some(libc::EADDRINUSE) => {
                Err(Error::PortInUse { protocol: port.protocol.clone(), address: address.to_string() })
            }
            // A kernel without SCTP sockets still forwards its packets; without IPv6 there is nothing to hold.
            Some(libc::EPROTONOSUPPORT | libc::ESOCKTNOSUPPORT) if port.protocol == "sctp" => Ok(None),
            _ => Err(Error::PortBind {
                protocol: port.protocol.clone(),
                address: address.to_string(),
                source: error,
            }),
        },
    }
}

/// Binds every port, picking free ones for host port 0 (written back into `ports`).
pub(crate) fn reserve(ports: &mut [PortMapping]) -> Result<Vec<OwnedFd>> {
    let mut sockets = Vec::new();
    for port in ports.iter().filter(|port| port.host_port != 0) {
        sockets.extend(bind_mapping(port)?);
    }
    for port in ports.iter_mut().filter(|port| port.host_port == 0) {
        let socket = free_port(port)?;
        sockets.push(socket);
    }
    Ok(sockets)
}

fn free_port(port: &mut PortMapping) -> Result<OwnedFd> {
    let address = SocketAddr::new(bind_address(port), 0);
    let failed =
        |source| Error::PortBind { protocol: port.protocol.clone(), address: address.to_string(), source };
    let mut last = io::Error::other("no free port");
    for _ in 0..FREE_PORT_TRIES {
        match bind(address, &port.protocol) {
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

    fn file_name(port: &PortMapping) -> String {
        format!("{}_{}_{}", port.protocol, port.host_port, bind_address(port))
    }

    /// Reserves all of `ports` for `holder`, or none. `alive` says whether another holder still exists.
    pub(crate) fn take(
        &self,
        ports: &[PortMapping],
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
            taken.push(port.clone());
        }
        Ok(())
    }

    fn take_one(
        &self,
        port: &PortMapping,
        holder: &str,
        alive: &dyn Fn(&str) -> bool,
        present: &[String],
    ) -> Result<()> {
        let in_use = || Error::PortInUse {
            protocol: port.protocol.clone(),
            address: SocketAddr::new(bind_address(port), port.host_port).to_string(),
        };
        // A wildcard and a single address exclude each other.
        let prefix = format!("{}_{}_", port.protocol, port.host_port);
        let ours = bind_address(port);
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
    pub(crate) fn release(&self, ports: &[PortMapping], holder: &str) {
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

    fn port(ip: &str, host: u16, container: u16, range: u16, protocol: &str) -> PortMapping {
        PortMapping {
            host_ip: ip.into(),
            host_port: host,
            container_port: container,
            range,
            protocol: protocol.into(),
        }
    }

    #[test]
    fn ranges_and_protocols_are_expanded() {
        let all = expand(&[port("", 8000, 80, 2, "tcp,udp"), port("::1", 0, 5, 0, "")]).unwrap();
        assert_eq!(all.len(), 5);
        assert!(all.contains(&port("", 8001, 81, 1, "udp")));
        assert!(all.contains(&port("::1", 0, 5, 1, "tcp")));
        for bad in [
            port("", 1, 0, 1, ""),
            port("", 65535, 1, 2, ""),
            port("x", 1, 1, 1, ""),
            port("", 1, 1, 1, "icmp"),
        ] {
            assert!(expand(&[bad]).is_err());
        }
    }

    #[test]
    fn a_port_is_reserved_once() {
        let mut first =
            expand(&[port("127.0.0.1", 0, 80, 1, "tcp"), port("127.0.0.1", 0, 80, 1, "udp")]).unwrap();
        let held = reserve(&mut first).unwrap();
        assert_eq!(held.len(), 2);
        assert!(first.iter().all(|port| port.host_port != 0));
        let error = reserve(&mut first.clone()).unwrap_err().to_string();
        assert!(error.contains("listen") && error.contains("address already in use"), "{error}");
        drop(held);
        reserve(&mut first).unwrap();
    }

    #[test]
    fn leases_exclude_wildcards() {
        let folder = tempfile::tempdir().unwrap();
        let leases = PortLeases::new(folder.path().join("ports"));
        let any = [port("", 80, 80, 1, "tcp")];
        let local = [port("127.0.0.1", 81, 1, 1, "tcp"), port("127.0.0.1", 80, 80, 1, "tcp")];
        leases.take(&any, "a", &|_| true).unwrap();
        leases.take(&any, "a", &|_| true).unwrap();
        assert!(matches!(leases.take(&local, "b", &|_| true), Err(Error::PortInUse { .. })));
        assert_eq!(leases.present().unwrap().len(), 1, "a failed attempt leaves nothing");
        leases.take(&local, "b", &|holder| holder != "a").unwrap();
        leases.take(&[port("", 80, 80, 1, "udp"), port("::1", 80, 80, 1, "tcp")], "c", &|_| true).unwrap();
        leases.release(&local, "b");
        assert_eq!(leases.release_where(&|holder| holder == "c").unwrap(), 2);
        assert!(leases.present().unwrap().is_empty());
    }
}
