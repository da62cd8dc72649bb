//! Addresses, routes, rules and neighbours over rtnetlink(7), in the namespace of the calling thread.

use std::io;
use std::net::{IpAddr, SocketAddr};

use netlink_packet_core::{Parseable, ParseableParametrized};
use netlink_packet_route::address::{AddressAttribute, AddressHeader, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourHeader, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteLwEnCapType, RouteMessage, RouteProtocol, RouteScope,
    RouteType,
};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage, RulePortRange};
use netlink_packet_route::{AddressFamily, IpProtocol, RouteNetlinkMessage};

use crate::addr::Cidr;
use crate::error::{Error, Result};
use crate::netlink::{CHANGE, MAKE, MAKE_OR_REPLACE, Socket, attributes};

/// Index of the loopback device in every namespace.
const LOOPBACK: u32 = 1;

fn family(ipv4: bool) -> AddressFamily {
    if ipv4 { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

fn unless_there(result: io::Result<()>, action: impl FnOnce() -> String) -> Result<()> {
    match result {
        Err(error) if error.raw_os_error() != Some(libc::EEXIST) => Err(Error::kernel(action(), error)),
        _ => Ok(()),
    }
}

/// Gives a device an address, without duplicate address detection; having it already is fine.
pub(crate) fn add_address(socket: &mut Socket, index: u32, address: Cidr) -> Result<()> {
    let mut message = AddressMessage::default();
    message.header.family = family(address.is_ipv4());
    message.header.prefix_len = address.prefix();
    message.header.index = index;
    if !address.is_ipv4() {
        message.header.flags = AddressHeaderFlags::Nodad;
    }
    message.attributes =
        vec![AddressAttribute::Local(address.addr()), AddressAttribute::Address(address.addr())];
    if let (IpAddr::V4(last), true) = (address.last(), address.prefix() < 31) {
        message.attributes.push(AddressAttribute::Broadcast(last));
    }
    unless_there(socket.execute(RouteNetlinkMessage::NewAddress(message), MAKE_OR_REPLACE), || {
        format!("adding address {address}")
    })
}

/// All addresses of the namespace with the index of their device.
pub(crate) fn addresses(socket: &mut Socket) -> Result<Vec<(u32, Cidr)>> {
    let answers = socket
        .dump(RouteNetlinkMessage::GetAddress(AddressMessage::default()))
        .map_err(|error| Error::kernel("listing addresses", error))?;
    Ok(answers.iter().filter_map(|body| parse_address(body)).collect())
}

fn parse_address(body: &[u8]) -> Option<(u32, Cidr)> {
    let header = AddressHeader::parse(body).ok()?;
    let mut address = None;
    for attribute in attributes(body, &header, AddressAttribute::parse) {
        match attribute {
            AddressAttribute::Local(local) => address = Some(local),
            // Of a device with a peer, the peer's.
            AddressAttribute::Address(other) => address = address.or(Some(other)),
            _ => {}
        }
    }
    Some((header.index, Cidr::new(address?, header.prefix_len)?))
}

/// Adds a route; `destination` `None` is the default route of the gateway's family.
pub(crate) fn add_route(
    socket: &mut Socket,
    index: u32,
    destination: Option<Cidr>,
    gateway: IpAddr,
    metric: Option<u32>,
) -> Result<()> {
    let mut message = RouteMessage::default();
    message.header.address_family = family(gateway.is_ipv4());
    message.header.destination_prefix_length = destination.map_or(0, |destination| destination.prefix());
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Static;
    message.header.kind = RouteType::Unicast;
    message.attributes = destination
        .map(|destination| RouteAttribute::Destination(destination.first().into()))
        .into_iter()
        .chain([RouteAttribute::Gateway(gateway.into()), RouteAttribute::Oif(index)])
        .chain(metric.map(RouteAttribute::Priority))
        .collect();
    unless_there(socket.execute(RouteNetlinkMessage::NewRoute(message), MAKE), || {
        format!("adding the route through {gateway}")
    })
}

/// Makes a routing table by which everything is for this namespace itself, answers coming from `own` where their sender has
/// no address yet.
pub(crate) fn set_local_table(socket: &mut Socket, own: IpAddr, table: u32) -> Result<()> {
    let mut message = RouteMessage::default();
    message.header.address_family = family(own.is_ipv4());
    message.header.protocol = RouteProtocol::Static;
    message.header.scope = RouteScope::Host;
    message.header.kind = RouteType::Local;
    message.attributes = vec![
        RouteAttribute::Oif(LOOPBACK),
        RouteAttribute::Table(table),
        RouteAttribute::PrefSource(own.into()),
    ];
    unless_there(socket.execute(RouteNetlinkMessage::NewRoute(message), MAKE_OR_REPLACE), || {
        "adding a local route".into()
    })
}

/// Routes what carries a mark by the table of the same number; having that rule already is fine.
pub(crate) fn add_mark_rule(socket: &mut Socket, ipv4: bool, mark: u32) -> Result<()> {
    let mut message = RuleMessage::default();
    message.header.family = family(ipv4);
    message.header.action = RuleAction::ToTable;
    message.attributes = vec![RuleAttribute::FwMark(mark), RuleAttribute::Table(mark)];
    unless_there(socket.execute(RouteNetlinkMessage::NewRule(message), MAKE), || {
        "adding a routing rule".into()
    })
}

/// A flow of datagrams from a port of this namespace to one address and port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) from: u16,
    pub(crate) to: SocketAddr,
}

/// The routing rule by which a flow is sent by `table`.
fn flow_rule(flow: Flow, table: u32, priority: u32) -> RuleMessage {
    let only = |port: u16| RulePortRange { start: port, end: port };
    let mut message = RuleMessage::default();
    message.header.family = family(flow.to.is_ipv4());
    message.header.dst_len = if flow.to.is_ipv4() { 32 } else { 128 };
    message.header.action = RuleAction::ToTable;
    message.attributes = vec![
        RuleAttribute::Priority(priority),
        RuleAttribute::Destination(flow.to.ip()),
        RuleAttribute::IpProtocol(IpProtocol::Udp),
        RuleAttribute::SourcePortRange(only(flow.from)),
        RuleAttribute::DestinationPortRange(only(flow.to.port())),
        RuleAttribute::Table(table),
    ];
    message
}

/// Routes a flow by `table`.
pub(crate) fn add_flow_rule(socket: &mut Socket, flow: Flow, table: u32, priority: u32) -> io::Result<()> {
    socket.execute(RouteNetlinkMessage::NewRule(flow_rule(flow, table, priority)), MAKE)
}

/// Takes the rule of a flow back.
pub(crate) fn delete_flow_rule(socket: &mut Socket, flow: Flow, table: u32, priority: u32) -> io::Result<()> {
    socket.execute(RouteNetlinkMessage::DelRule(flow_rule(flow, table, priority)), CHANGE)
}

/// Takes back all rules of that priority, at most `limit`.
pub(crate) fn delete_rules(socket: &mut Socket, ipv4: bool, table: u32, priority: u32, limit: usize) {
    let mut message = RuleMessage::default();
    message.header.family = family(ipv4);
    message.attributes = vec![RuleAttribute::Priority(priority), RuleAttribute::Table(table)];
    for _ in 0..limit {
        // The kernel takes the first that is like this.
        if socket.execute(RouteNetlinkMessage::DelRule(message.clone()), CHANGE).is_err() {
            return;
        }
    }
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
    for ipv4 in [true, false] {
        let mut message = RouteMessage::default();
        message.header.address_family = family(ipv4);
        match socket.dump(RouteNetlinkMessage::GetRoute(message)) {
            Ok(answers) => found.extend(answers.iter().filter_map(|body| parse_route(body, ipv4))),
            // A kernel without IPv6 has no such routes.
            Err(_) if !ipv4 => {}
            Err(error) => return Err(Error::kernel("listing routes", error)),
        }
    }
    Ok(found)
}

fn parse_route(body: &[u8], ipv4: bool) -> Option<Route> {
    let header = RouteHeader::parse(body).ok()?;
    if header.table != RouteHeader::RT_TABLE_MAIN || header.kind != RouteType::Unicast {
        return None;
    }
    let mut route = Route { ipv4, destination: None, device: None, metric: 0 };
    let read = (family(ipv4), RouteType::Unicast, RouteLwEnCapType::None);
    for attribute in attributes(body, &header, |part| RouteAttribute::parse_with_param(part, read)) {
        match attribute {
            RouteAttribute::Destination(address) => {
                let address = match address {
                    RouteAddress::Inet(address) => Some(IpAddr::V4(address)),
                    RouteAddress::Inet6(address) => Some(IpAddr::V6(address)),
                    _ => None,
                };
                route.destination =
                    address.and_then(|address| Cidr::new(address, header.destination_prefix_length));
            }
            RouteAttribute::Oif(index) => route.device = Some(index),
            RouteAttribute::Priority(metric) => route.metric = metric,
            _ => {}
        }
    }
    Some(route)
}

/// Addresses that the kernel knows behind a device.
pub(crate) fn neighbours(socket: &mut Socket, index: u32) -> io::Result<Vec<IpAddr>> {
    let answers = socket.dump(RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default()))?;
    Ok(answers.iter().filter_map(|body| parse_neighbour(body, index)).collect())
}

fn parse_neighbour(body: &[u8], index: u32) -> Option<IpAddr> {
    use NeighbourState::{Delay, Probe, Reachable, Stale};
    let header = NeighbourHeader::parse(body).ok()?;
    if header.ifindex != index || !matches!(header.state, Reachable | Stale | Delay | Probe) {
        return None;
    }
    let read = header.family;
    let address = attributes(body, &header, |part| NeighbourAttribute::parse_with_param(part, read))
        .find_map(|attribute| match attribute {
            NeighbourAttribute::Destination(address) => Some(address),
            _ => None,
        });
    match address? {
        NeighbourAddress::Inet(address) => Some(IpAddr::V4(address)),
        NeighbourAddress::Inet6(address) => Some(IpAddr::V6(address)),
        _ => None,
    }
}
