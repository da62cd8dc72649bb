//! Network devices, addresses and routes over rtnetlink(7), in the namespace of the calling thread.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use cove_api::MacAddress;

use crate::addr::Cidr;
use crate::error::{Error, Result};
use crate::netlink::{CREATE, EXCLUSIVE, Message, REPLACE, Socket, attributes, number_at};

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_SETLINK: u16 = 19;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const RTM_GETNEIGH: u16 = 30;
const RTM_NEWRULE: u16 = 32;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_PROTINFO: u16 = 12;
const IFLA_OPERSTATE: u16 = 16;
const IF_OPER_UP: u8 = 6;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFLA_MACVLAN_MODE: u16 = 1;
const IFLA_MACVLAN_BC_CUTOFF: u16 = 9;
const IFLA_IPVLAN_MODE: u16 = 1;

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const IFA_F_NODAD: u8 = 0x02;

const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RT_TABLE_MAIN: u8 = 254;
const RTPROT_STATIC: u8 = 4;
const RTN_UNICAST: u8 = 1;
const RTN_LOCAL: u8 = 2;
const RT_SCOPE_HOST: u8 = 254;
const RTA_TABLE: u16 = 15;
const FRA_FWMARK: u16 = 10;
const FRA_TABLE: u16 = 15;
const FR_ACT_TO_TBL: u8 = 1;
/// Index of the loopback device in every namespace.
pub(crate) const LOOPBACK: u32 = 1;

const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
const NUD_VALID: u16 = 0x02 | 0x04 | 0x08 | 0x10;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const AF_BRIDGE: u8 = 7;
const IFLA_BRPORT_MODE: u16 = 4;
const IFLA_BR_VLAN_FILTERING: u16 = 7;
const IFLA_AF_SPEC: u16 = 26;
const IFLA_BRIDGE_FLAGS: u16 = 0;
const IFLA_BRIDGE_VLAN_INFO: u16 = 2;
const BRIDGE_FLAGS_SELF: u16 = 2;
const BRIDGE_VLAN_INFO_PVID: u16 = 2;
const BRIDGE_VLAN_INFO_UNTAGGED: u16 = 4;
/// The virtual LAN that everything on a bridge is in where nothing else was said.
const DEFAULT_VLAN: u16 = 1;
const IFF_UP: u32 = 1;

/// A network device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) up: bool,
    /// It carries packets: `IF_OPER_UP` of RFC 2863.
    pub(crate) operational: bool,
    pub(crate) mtu: u32,
    pub(crate) mac: Option<MacAddress>,
    pub(crate) kind: String,
}

/// The host's and the container's end of a veth pair to be made.
pub(crate) struct Veth<'a> {
    pub(crate) name: &'a str,
    pub(crate) master: u32,
    pub(crate) peer_name: &'a str,
    pub(crate) peer_mac: MacAddress,
    pub(crate) peer_netns: BorrowedFd<'a>,
    pub(crate) mtu: Option<u32>,
}

/// A device with a parent on the host, made within a container's namespace.
pub(crate) struct Child<'a> {
    /// `macvlan` or `ipvlan`.
    pub(crate) kind: &'a str,
    /// Mode number of the kind.
    pub(crate) mode: u32,
    pub(crate) parent: u32,
    pub(crate) name: &'a str,
    pub(crate) mac: Option<MacAddress>,
    pub(crate) netns: BorrowedFd<'a>,
    pub(crate) mtu: Option<u32>,
    /// Of macvlan: from how many broadcasts on they are handed on in the background.
    pub(crate) broadcast_limit: Option<i32>,
}

fn link_header(index: u32, up: Option<bool>) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    if let Some(up) = up {
        header[8..12].copy_from_slice(&(if up { IFF_UP } else { 0 }).to_ne_bytes());
        header[12..16].copy_from_slice(&IFF_UP.to_ne_bytes());
    }
    header
}

fn ip_bytes(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(addr) => addr.octets().to_vec(),
        IpAddr::V6(addr) => addr.octets().to_vec(),
    }
}

fn ip_from(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(four));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

fn family(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { AF_INET } else { AF_INET6 }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

fn parse_link(body: &[u8]) -> Option<Link> {
    let mut link = Link {
        index: number_at(body, 4),
        name: String::new(),
        up: number_at(body, 8) & IFF_UP != 0,
        operational: false,
        mtu: 0,
        mac: None,
        kind: String::new(),
    };
    for (kind, value) in attributes(body.get(16..)?) {
        match kind {
            IFLA_IFNAME => link.name = text(value),
            IFLA_OPERSTATE => link.operational = value.first() == Some(&IF_OPER_UP),
            IFLA_MTU => link.mtu = number_at(value, 0),
            IFLA_ADDRESS => link.mac = <[u8; 6]>::try_from(value).ok().map(MacAddress),
            IFLA_LINKINFO => {
                link.kind = attributes(value)
                    .find(|(kind, _)| *kind == IFLA_INFO_KIND)
                    .map(|(_, v)| text(v))
                    .unwrap_or_default();
            }
            _ => {}
        }
    }
    Some(link)
}

/// The device called `name`, if there is one.
pub(crate) fn find(socket: &mut Socket, name: &str) -> Result<Option<Link>> {
    let mut message = Message::new(RTM_GETLINK, 0, &link_header(0, None));
    message.text(IFLA_IFNAME, name);
    match socket.query(message) {
        Ok(answers) => Ok(answers.first().and_then(|body| parse_link(body))),
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
        Err(error) => Err(Error::kernel(format!("looking for network device {name}"), error)),
    }
}

/// All devices.
pub(crate) fn all(socket: &mut Socket) -> Result<Vec<Link>> {
    let answers = socket
        .dump(Message::new(RTM_GETLINK, 0, &link_header(0, None)))
        .map_err(|error| Error::kernel("listing network devices", error))?;
    Ok(answers.iter().filter_map(|body| parse_link(body)).collect())
}

/// Makes a bridge that is up; the answer is false where a device of that name exists.
pub(crate) fn add_bridge(socket: &mut Socket, name: &str, mac: MacAddress, mtu: Option<u32>) -> Result<bool> {
    let mut message = Message::new(RTM_NEWLINK, CREATE | EXCLUSIVE, &link_header(0, Some(true)));
    message.text(IFLA_IFNAME, name).attr(IFLA_ADDRESS, &mac.0);
    if let Some(mtu) = mtu {
        message.number(IFLA_MTU, mtu);
    }
    let info = message.open(IFLA_LINKINFO);
    message.text(IFLA_INFO_KIND, "bridge");
    message.close(info);
    match socket.execute(message) {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(false),
        Err(error) => Err(Error::kernel(format!("creating bridge {name}"), error)),
    }
}

/// Makes a veth pair: the host's end up and in its bridge, the other one down in the container's namespace.
pub(crate) fn add_veth(socket: &mut Socket, veth: &Veth<'_>) -> io::Result<()> {
    let mut message = Message::new(RTM_NEWLINK, CREATE | EXCLUSIVE, &link_header(0, Some(true)));
    message.text(IFLA_IFNAME, veth.name).number(IFLA_MASTER, veth.master);
    if let Some(mtu) = veth.mtu {
        message.number(IFLA_MTU, mtu);
    }
    let info = message.open(IFLA_LINKINFO);
    message.text(IFLA_INFO_KIND, "veth");
    let data = message.open(IFLA_INFO_DATA);
    let peer = message.open(VETH_INFO_PEER);
    message.raw(&link_header(0, None));
    message
        .text(IFLA_IFNAME, veth.peer_name)
        .attr(IFLA_ADDRESS, &veth.peer_mac.0)
        .attr(IFLA_NET_NS_FD, &veth.peer_netns.as_raw_fd().to_ne_bytes());
    if let Some(mtu) = veth.mtu {
        message.number(IFLA_MTU, mtu);
    }
    message.close(peer);
    message.close(data);
    message.close(info);
    socket.execute(message)
}

/// Lets a bridge send a frame back through the port it came from: with `br_netfilter`, a container that uses
/// its own published port needs it.
pub(crate) fn set_hairpin(socket: &mut Socket, index: u32) -> io::Result<()> {
    let mut header = link_header(index, None);
    header[0] = AF_BRIDGE;
    let mut message = Message::new(RTM_SETLINK, 0, &header);
    let port = message.open(IFLA_PROTINFO);
    message.attr(IFLA_BRPORT_MODE, &[1]);
    message.close(port);
    socket.execute(message)
}

/// Makes a bridge keep virtual LANs apart.
pub(crate) fn set_vlan_filtering(socket: &mut Socket, bridge: u32) -> io::Result<()> {
    let mut message = Message::new(RTM_NEWLINK, 0, &link_header(bridge, None));
    let info = message.open(IFLA_LINKINFO);
    message.text(IFLA_INFO_KIND, "bridge");
    let data = message.open(IFLA_INFO_DATA);
    message.attr(IFLA_BR_VLAN_FILTERING, &[1]);
    message.close(data);
    message.close(info);
    socket.execute(message)
}

/// Puts a port of a bridge (or with `is_bridge` the bridge itself) into a virtual LAN: what comes without a tag is of it. A
/// port is in no other one then.
pub(crate) fn set_vlan(socket: &mut Socket, index: u32, tag: u16, is_bridge: bool) -> io::Result<()> {
    let change = |kind: u16, flags: u16, tag: u16| {
        let mut header = link_header(index, None);
        header[0] = AF_BRIDGE;
        let mut message = Message::new(kind, 0, &header);
        let specific = message.open(IFLA_AF_SPEC);
        if is_bridge {
            message.attr(IFLA_BRIDGE_FLAGS, &BRIDGE_FLAGS_SELF.to_ne_bytes());
        }
        message.attr(IFLA_BRIDGE_VLAN_INFO, &[flags.to_ne_bytes(), tag.to_ne_bytes()].concat());
        message.close(specific);
        message
    };
    let of_untagged = BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED;
    socket.execute(change(RTM_SETLINK, of_untagged, tag))?;
    if is_bridge || tag == DEFAULT_VLAN {
        return Ok(());
    }
    socket.execute(change(RTM_DELLINK, 0, DEFAULT_VLAN))
}

/// Puts a device into the virtual router (or bridge) `master`.
pub(crate) fn set_master(socket: &mut Socket, index: u32, master: u32) -> io::Result<()> {
    let mut message = Message::new(RTM_NEWLINK, 0, &link_header(index, None));
    message.number(IFLA_MASTER, master);
    socket.execute(message)
}

/// Makes a macvlan or ipvlan device, down, in the container's namespace.
pub(crate) fn add_child(socket: &mut Socket, child: &Child<'_>) -> io::Result<()> {
    let mut message = Message::new(RTM_NEWLINK, CREATE | EXCLUSIVE, &link_header(0, None));
    message
        .text(IFLA_IFNAME, child.name)
        .number(IFLA_LINK, child.parent)
        .attr(IFLA_NET_NS_FD, &child.netns.as_raw_fd().to_ne_bytes());
    if let Some(mac) = child.mac {
        message.attr(IFLA_ADDRESS, &mac.0);
    }
    if let Some(mtu) = child.mtu {
        message.number(IFLA_MTU, mtu);
    }
    let info = message.open(IFLA_LINKINFO);
    message.text(IFLA_INFO_KIND, child.kind);
    let data = message.open(IFLA_INFO_DATA);
    if child.kind == "macvlan" {
        message.number(IFLA_MACVLAN_MODE, child.mode);
        if let Some(limit) = child.broadcast_limit {
            message.attr(IFLA_MACVLAN_BC_CUTOFF, &limit.to_ne_bytes());
        }
    } else {
        // The mode of an ipvlan device is a 16-bit number; modes are single digits.
        message.attr(IFLA_IPVLAN_MODE, &(child.mode as u16).to_ne_bytes());
    }
    message.close(data);
    message.close(info);
    socket.execute(message)
}

/// Deletes a device; one that is gone is fine.
pub(crate) fn delete(socket: &mut Socket, name: &str) -> Result<()> {
    let mut message = Message::new(RTM_DELLINK, 0, &link_header(0, None));
    message.text(IFLA_IFNAME, name);
    match socket.execute(message) {
        Err(error) if error.raw_os_error() != Some(libc::ENODEV) => {
            Err(Error::kernel(format!("deleting network device {name}"), error))
        }
        _ => Ok(()),
    }
}

/// Brings a device up.
pub(crate) fn set_up(socket: &mut Socket, index: u32) -> Result<()> {
    socket
        .execute(Message::new(RTM_NEWLINK, 0, &link_header(index, Some(true))))
        .map_err(|error| Error::kernel(format!("bringing network device {index} up"), error))
}

/// Gives a device an address, without duplicate address detection; having it already is fine.
pub(crate) fn add_address(socket: &mut Socket, index: u32, address: Cidr) -> Result<()> {
    let mut header = [family(address.addr()), address.prefix(), 0, 0, 0, 0, 0, 0];
    if !address.is_ipv4() {
        header[2] = IFA_F_NODAD;
    }
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    let mut message = Message::new(RTM_NEWADDR, CREATE | REPLACE, &header);
    let bytes = ip_bytes(address.addr());
    message.attr(IFA_LOCAL, &bytes).attr(IFA_ADDRESS, &bytes);
    if address.is_ipv4() && address.prefix() < 31 {
        message.attr(IFA_BROADCAST, &ip_bytes(address.last()));
    }
    match socket.execute(message) {
        Err(error) if error.raw_os_error() != Some(libc::EEXIST) => {
            Err(Error::kernel(format!("adding address {address}"), error))
        }
        _ => Ok(()),
    }
}

/// Adds a route; `destination` `None` is the default route of the gateway's family.
pub(crate) fn add_route(
    socket: &mut Socket,
    index: u32,
    destination: Option<Cidr>,
    gateway: IpAddr,
    metric: Option<u32>,
) -> Result<()> {
    let mut header = [0u8; 12];
    header[0] = family(gateway);
    header[1] = destination.map_or(0, |destination| destination.prefix());
    header[4] = RT_TABLE_MAIN;
    header[5] = RTPROT_STATIC;
    header[7] = RTN_UNICAST;
    let mut message = Message::new(RTM_NEWROUTE, CREATE | EXCLUSIVE, &header);
    if let Some(destination) = destination {
        message.attr(RTA_DST, &ip_bytes(destination.first()));
    }
    message.attr(RTA_GATEWAY, &ip_bytes(gateway)).number(RTA_OIF, index);
    if let Some(metric) = metric {
        message.number(RTA_PRIORITY, metric);
    }
    match socket.execute(message) {
        Err(error) if error.raw_os_error() != Some(libc::EEXIST) => {
            Err(Error::kernel(format!("adding the route through {gateway}"), error))
        }
        _ => Ok(()),
    }
}

/// Makes a routing table by which everything is for this namespace itself; having it already is fine.
pub(crate) fn add_local_table(socket: &mut Socket, ipv4: bool, table: u32) -> Result<()> {
    let mut header = [0u8; 12];
    header[0] = if ipv4 { AF_INET } else { AF_INET6 };
    header[5] = RTPROT_STATIC;
    header[6] = RT_SCOPE_HOST;
    header[7] = RTN_LOCAL;
    let mut message = Message::new(RTM_NEWROUTE, CREATE | EXCLUSIVE, &header);
    message.number(RTA_OIF, LOOPBACK).number(RTA_TABLE, table);
    unless_there(socket.execute(message), "adding a local route")
}

/// Routes what carries a mark by the table of the same number; having that rule already is fine.
pub(crate) fn add_mark_rule(socket: &mut Socket, ipv4: bool, mark: u32) -> Result<()> {
    let mut header = [0u8; 12];
    header[0] = if ipv4 { AF_INET } else { AF_INET6 };
    header[7] = FR_ACT_TO_TBL;
    let mut message = Message::new(RTM_NEWRULE, CREATE | EXCLUSIVE, &header);
    message.number(FRA_FWMARK, mark).number(FRA_TABLE, mark);
    unless_there(socket.execute(message), "adding a routing rule")
}

fn unless_there(result: io::Result<()>, action: &str) -> Result<()> {
    match result {
        Err(error) if error.raw_os_error() != Some(libc::EEXIST) => Err(Error::kernel(action, error)),
        _ => Ok(()),
    }
}

/// All addresses of the namespace with the index of their device.
pub(crate) fn addresses(socket: &mut Socket) -> Result<Vec<(u32, Cidr)>> {
    let answers = socket
        .dump(Message::new(RTM_GETADDR, 0, &[0; 8]))
        .map_err(|error| Error::kernel("listing addresses", error))?;
    let mut found = Vec::new();
    for body in &answers {
        let Some(rest) = body.get(8..) else { continue };
        let mut address = None;
        for (kind, value) in attributes(rest) {
            if kind == IFA_LOCAL || (kind == IFA_ADDRESS && address.is_none()) {
                address = ip_from(value);
            }
        }
        if let Some(address) = address.and_then(|address| Cidr::new(address, body[1])) {
            found.push((number_at(body, 4), address));
        }
    }
    Ok(found)
}

/// A route of the main table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) ipv4: bool,
    pub(crate) destination: Option<Cidr>,
    pub(crate) device: Option<u32>,
    pub(crate) metric: u32,
}

/// The routes of the main table.
pub(crate) fn routes(socket: &mut Socket) -> Result<Vec<Route>> {
    let mut found = Vec::new();
    for family in [AF_INET, AF_INET6] {
        let mut header = [0u8; 12];
        header[0] = family;
        let answers = match socket.dump(Message::new(RTM_GETROUTE, 0, &header)) {
            Ok(answers) => answers,
            // A kernel without IPv6 has no such routes.
            Err(_) if family == AF_INET6 => continue,
            Err(error) => return Err(Error::kernel("listing routes", error)),
        };
        for body in &answers {
            let Some(rest) = body.get(12..) else { continue };
            if body[4] != RT_TABLE_MAIN || body[7] != RTN_UNICAST {
                continue;
            }
            let mut route = Route { ipv4: family == AF_INET, destination: None, device: None, metric: 0 };
            for (kind, value) in attributes(rest) {
                match kind {
                    RTA_DST => route.destination = ip_from(value).and_then(|addr| Cidr::new(addr, body[1])),
                    RTA_OIF => route.device = Some(number_at(value, 0)),
                    RTA_PRIORITY => route.metric = number_at(value, 0),
                    _ => {}
                }
            }
            found.push(route);
        }
    }
    Ok(found)
}

/// Addresses that the kernel knows behind a device, with their hardware address.
pub(crate) fn neighbours(socket: &mut Socket, index: u32) -> io::Result<Vec<(IpAddr, MacAddress)>> {
    let answers = socket.dump(Message::new(RTM_GETNEIGH, 0, &[0; 12]))?;
    let mut found = Vec::new();
    for body in &answers {
        let Some(rest) = body.get(12..) else { continue };
        let state = u16::from_ne_bytes([body[8], body[9]]);
        if number_at(body, 4) != index || state & NUD_VALID == 0 {
            continue;
        }
        let (mut addr, mut mac) = (None, None);
        for (kind, value) in attributes(rest) {
            match kind {
                NDA_DST => addr = ip_from(value),
                NDA_LLADDR => mac = <[u8; 6]>::try_from(value).ok().map(MacAddress),
                _ => {}
            }
        }
        if let (Some(addr), Some(mac)) = (addr, mac) {
            found.push((addr, mac));
        }
    }
    Ok(found)
}

const NFPROTO_INET: u8 = 1;
const NFT_GET_CHAIN: u16 = (10 << 8) | 4;
const NFTA_CHAIN_TABLE: u16 = 1;
const NFTA_CHAIN_NAME: u16 = 3;

/// The family of an nftables table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NftFamily {
    /// `inet`.
    Inet,
    /// `ip`.
    Ip,
    /// `ip6`.
    Ip6,
}

/// Whether the nftables chain exists; one system call instead of a run of `nft`.
pub(crate) fn nft_chain_exists(family: NftFamily, table: &str, chain: &str) -> io::Result<bool> {
    let family = match family {
        NftFamily::Inet => NFPROTO_INET,
        NftFamily::Ip => AF_INET,
        NftFamily::Ip6 => AF_INET6,
    };
    let mut message = Message::new(NFT_GET_CHAIN, 0, &[family, 0, 0, 0]);
    message.text(NFTA_CHAIN_TABLE, table).text(NFTA_CHAIN_NAME, chain);
    match Socket::netfilter()?.query(message) {
        Ok(answers) => Ok(!answers.is_empty()),
        // The latter: the module is not loaded yet, which `nft` will do.
        Err(error)
            if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINVAL | libc::EOPNOTSUPP)) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
