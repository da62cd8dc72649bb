//! The machine's own interface: one static IPv4 address. The addresses of QEMU's user network never change, so
//! a DHCP client would only cost time.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use cove_sys::fs;

use crate::provision::GuestNetwork;

/// Brings up `lo` and the first other interface.
pub(super) fn configure(network: &GuestNetwork) -> Result<(), String> {
    let socket = socket().map_err(|error| format!("socket: {error}"))?;
    up(&socket, "lo").map_err(|error| format!("lo: {error}"))?;
    let interface = first_interface()?;
    let named = |error: io::Error| format!("{interface}: {error}");
    set_address(&socket, &interface, libc::SIOCSIFADDR, network.address).map_err(named)?;
    set_address(&socket, &interface, libc::SIOCSIFNETMASK, network.mask()).map_err(named)?;
    up(&socket, &interface).map_err(named)?;
    default_route(&socket, network.gateway).map_err(|error| format!("default route: {error}"))?;
    fs::write("/etc/resolv.conf", format!("nameserver {}\n", network.nameserver))
        .map_err(|error| error.to_string())
}

fn first_interface() -> Result<String, String> {
    let mut names = Vec::new();
    for entry in fs::read_dir("/sys/class/net").map_err(|error| error.to_string())? {
        let name = entry.map_err(|error| error.to_string())?.file_name().to_string_lossy().into_owned();
        if name != "lo" && name.len() < libc::IFNAMSIZ {
            names.push(name);
        }
    }
    names.sort();
    names.into_iter().next().ok_or_else(|| "no network interface".into())
}

fn socket() -> io::Result<OwnedFd> {
    // SAFETY: socket(2) takes no pointers; the result is checked before it is owned.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `fd` was just opened and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn request(interface: &str) -> libc::ifreq {
    // SAFETY: ifreq is plain data for which zero bytes are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(interface.bytes()) {
        *to = from.cast_signed();
    }
    request
}

fn up(socket: &OwnedFd, interface: &str) -> io::Result<()> {
    let mut request = request(interface);
    #[expect(clippy::cast_possible_truncation, reason = "the flags are below 2^15")]
    let flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    request.ifr_ifru.ifru_flags = flags;
    ioctl(socket, libc::SIOCSIFFLAGS, &mut request)
}

fn set_address(
    socket: &OwnedFd,
    interface: &str,
    operation: libc::c_ulong,
    address: Ipv4Addr,
) -> io::Result<()> {
    let mut request = request(interface);
    request.ifr_ifru.ifru_addr = socket_address(address);
    ioctl(socket, operation, &mut request)
}

fn default_route(socket: &OwnedFd, gateway: Ipv4Addr) -> io::Result<()> {
    // SAFETY: rtentry is plain data for which zero bytes are valid.
    let mut route: libc::rtentry = unsafe { std::mem::zeroed() };
    route.rt_dst = socket_address(Ipv4Addr::UNSPECIFIED);
    route.rt_genmask = socket_address(Ipv4Addr::UNSPECIFIED);
    route.rt_gateway = socket_address(gateway);
    route.rt_flags = libc::RTF_UP | libc::RTF_GATEWAY;
    ioctl(socket, libc::SIOCADDRT, &mut route)
}

fn socket_address(address: Ipv4Addr) -> libc::sockaddr {
    // SAFETY: sockaddr is plain data for which zero bytes are valid.
    let mut result: libc::sockaddr = unsafe { std::mem::zeroed() };
    #[expect(clippy::cast_possible_truncation, reason = "AF_INET is 2")]
    let family = libc::AF_INET as libc::sa_family_t;
    result.sa_family = family;
    // sockaddr_in: two bytes of port, then the address (ip(7)).
    for (to, from) in result.sa_data[2..6].iter_mut().zip(address.octets()) {
        *to = from.cast_signed();
    }
    result
}

fn ioctl<T>(socket: &OwnedFd, operation: libc::c_ulong, argument: &mut T) -> io::Result<()> {
    // SAFETY: the callers pair each request of netdevice(7) and rtnetlink(7) with its own structure, which lives
    // until the call returns.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), operation as _, std::ptr::from_mut(argument)) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
