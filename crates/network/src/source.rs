//! Connections of the port forwarder that come from their client's address, as published ports of root's do.
//!
//! A socket may be bound to an address of somebody else (`IP_TRANSPARENT`), but what is sent back to that address would
//! leave by the container's default route. So such connections carry a mark, which the kernel hands on to whatever
//! socket accepts them (`tcp_fwmark_accept`), and a rule routes what carries the mark to the loopback device, where the
//! forwarder's socket is found. Nothing else in the container is touched by it.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use crate::error::Result;
use crate::netns;
use crate::route;
use crate::setup::route_socket;

/// The mark of such connections, and the number of the routing table that it leads to.
const MARK: u32 = 0xc07e;
/// Longest time for a connection to be accepted.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Prepares the network namespace of the calling thread; having done so already is fine.
pub(crate) fn prepare(ipv4: bool) -> Result<()> {
    netns::sysctl("net/ipv4/tcp_fwmark_accept", "1")?;
    let mut socket = route_socket()?;
    route::add_local_table(&mut socket, ipv4, MARK)?;
    route::add_mark_rule(&mut socket, ipv4, MARK)
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
    match target {
        SocketAddr::V4(_) => set_option(&socket, libc::SOL_IP, libc::IP_TRANSPARENT, 1)?,
        SocketAddr::V6(_) => set_option(&socket, libc::SOL_IPV6, libc::IPV6_TRANSPARENT, 1)?,
    }
    set_option(&socket, libc::SOL_SOCKET, libc::SO_MARK, MARK as libc::c_int)?;
    let with_port = rustix::net::bind(&socket, &SocketAddr::new(client.ip(), client.port()));
    with_port.or_else(|_| rustix::net::bind(&socket, &SocketAddr::new(client.ip(), 0)))?;
    rustix::net::connect(&socket, &target)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, None)?;
    Ok(TcpStream::from(socket))
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
