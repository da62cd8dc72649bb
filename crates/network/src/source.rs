//! Connections of the port forwarder that come from their client's address, as published ports of root's do.
//!
//! A socket may be bound to an address of somebody else (`IP_TRANSPARENT`), but what is sent back to that address would
//! leave by the container's default route. So such connections carry a mark, which the kernel hands on to whatever
//! socket accepts them (`tcp_fwmark_accept`), and a rule routes what carries the mark to the loopback device, where the
//! forwarder's socket is found. Nothing else in the container is touched by it.
//!
//! Answers of UDP have no mark, so each client has a rule for exactly its flow: from the published port to the client's
//! address and port. It goes with the client's socket.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use crate::error::Result;
use crate::netlink::Socket;
use crate::netns;
use crate::route::{self, Flow};
use crate::setup::route_socket;

/// The mark of such connections, and the number of the routing table that it leads to.
const MARK: u32 = 0xc07e;
/// Longest time for a connection to be accepted.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Priority of the rules of UDP flows: before that of the main table.
const FLOW_PRIORITY: u32 = 30_000;
/// How many flows may have a rule, with which every packet of the container is compared.
const FLOW_LIMIT: usize = 256;
static FLOWS: AtomicUsize = AtomicUsize::new(0);

/// Prepares the network namespace of the calling thread, in which `own` is the container's address; having done so already
/// is fine.
pub(crate) fn prepare(own: IpAddr) -> Result<()> {
    netns::sysctl("net/ipv4/tcp_fwmark_accept", "1")?;
    let mut socket = route_socket()?;
    // Those of a forwarder that was ended while the container went on.
    route::delete_rules(&mut socket, own.is_ipv4(), MARK, FLOW_PRIORITY, FLOW_LIMIT);
    route::set_local_table(&mut socket, own, MARK)?;
    route::add_mark_rule(&mut socket, own.is_ipv4(), MARK)
}

/// Whether a service may be told this address of a client: loopback addresses are the service's own, which it might
/// trust, and addresses of one link mean nothing on another.
pub(crate) fn may_show(client: SocketAddr, target: SocketAddr) -> bool {
    let is_plain = match client.ip() {
        IpAddr::V4(address) => !address.is_link_local() && !address.is_broadcast(),
        IpAddr::V6(address) => address.segments()[0] & 0xffc0 != 0xfe80,
    };
    let ip = client.ip();
    is_plain
        && client.is_ipv4() == target.is_ipv4()
        && ip != target.ip()
        && !ip.is_loopback()
        && !ip.is_unspecified()
        && !ip.is_multicast()
}

/// Connects to `target` from `client`'s address and, where it is free, its port.
pub(crate) fn connect(client: SocketAddr, target: SocketAddr) -> io::Result<TcpStream> {
    let family = if target.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    // Bounds connect(2), too.
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(TIMEOUT))?;
    set_transparent(&socket, target)?;
    set_option(&socket, libc::SOL_SOCKET, libc::SO_MARK, MARK as libc::c_int)?;
    let with_port = rustix::net::bind(&socket, &SocketAddr::new(client.ip(), client.port()));
    with_port.or_else(|_| rustix::net::bind(&socket, &SocketAddr::new(client.ip(), 0)))?;
    rustix::net::connect(&socket, &target)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, None)?;
    Ok(TcpStream::from(socket))
}

/// The rule for the answers of one flow; it goes when this is dropped.
#[derive(Debug)]
struct FlowRule(Flow);

impl FlowRule {
    /// # Errors
    /// There is one of this flow already, or there are too many.
    fn add(flow: Flow) -> io::Result<Self> {
        if FLOWS.fetch_add(1, Ordering::Relaxed) >= FLOW_LIMIT {
            FLOWS.fetch_sub(1, Ordering::Relaxed);
            return Err(io::Error::other("too many clients"));
        }
        let added = Socket::route()
            .and_then(|mut socket| route::add_flow_rule(&mut socket, flow, MARK, FLOW_PRIORITY));
        if added.is_err() {
            FLOWS.fetch_sub(1, Ordering::Relaxed);
        }
        added.map(|()| Self(flow))
    }
}

impl Drop for FlowRule {
    fn drop(&mut self) {
        let _ = Socket::route()
            .and_then(|mut socket| route::delete_flow_rule(&mut socket, self.0, MARK, FLOW_PRIORITY));
        FLOWS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A socket towards a service whose datagrams come from their client.
#[derive(Debug)]
pub(crate) struct ClientSocket {
    socket: UdpSocket,
    _rule: FlowRule,
}

impl ClientSocket {
    /// For datagrams of `client` to `target`.
    ///
    /// # Errors
    /// The address cannot be had, or another socket has it towards that target.
    pub(crate) fn connect(client: SocketAddr, target: SocketAddr) -> io::Result<Self> {
        let rule = FlowRule::add(Flow { from: target.port(), to: client })?;
        let family = if target.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = rustix::net::socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
        // The same client may use several published ports.
        sockopt::set_socket_reuseaddr(&socket, true)?;
        set_transparent(&socket, target)?;
        rustix::net::bind(&socket, &client)?;
        rustix::net::connect(&socket, &target)?;
        Ok(Self { socket: UdpSocket::from(socket), _rule: rule })
    }

    pub(crate) fn socket(&self) -> &UdpSocket {
        &self.socket
    }
}

/// Lets a socket have an address of somebody else.
fn set_transparent(socket: &OwnedFd, target: SocketAddr) -> io::Result<()> {
    match target {
        SocketAddr::V4(_) => set_option(socket, libc::SOL_IP, libc::IP_TRANSPARENT, 1),
        SocketAddr::V6(_) => set_option(socket, libc::SOL_IPV6, libc::IPV6_TRANSPARENT, 1),
    }
}

fn set_option(socket: &OwnedFd, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is open, and `value` is an integer of the length that is given, which lives through the call.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, name, std::ptr::from_ref(&value).cast(), length)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_others_are_shown() {
        let shown = |client: &str, target: &str| may_show(client.parse().unwrap(), target.parse().unwrap());
        for (client, target, expected) in [
            ("192.0.2.7:5000", "10.89.0.2:80", true),
            ("[2001:db8::7]:5000", "[fd00::2]:80", true),
            ("127.0.0.1:5000", "10.89.0.2:80", false),
            ("[::1]:5000", "[fd00::2]:80", false),
            ("[fe80::1]:5000", "[fd00::2]:80", false),
            ("169.254.1.1:5000", "10.89.0.2:80", false),
            ("192.0.2.7:5000", "[fd00::2]:80", false),
            ("10.89.0.2:5000", "10.89.0.2:80", false),
        ] {
            assert_eq!(shown(client, target), expected, "{client} {target}");
        }
    }
}
