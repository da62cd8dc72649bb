//! Network devices over rtnetlink(7), in the namespace of the calling thread.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use cove_api::MacAddress;
use netlink_packet_core::{DefaultNla, NlasIterator, Parseable, ParseableParametrized};
use netlink_packet_route::link::{
    AfSpecBridge, BridgeFlag, BridgeVlanInfo, BridgeVlanInfoFlags, InfoBridge, InfoData, InfoIpVlan,
    InfoKind, InfoMacVlan, InfoVeth, LinkAttribute, LinkFlags, LinkHeader, LinkInfo, LinkMessage,
    LinkProtoInfoBridge, State,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::error::{Error, Result};
use crate::netlink::{CHANGE, MAKE, Socket, attributes};

/// Of `linux/if_link.h`; the crate has no name for it.
const IFLA_BRPORT_MODE: u16 = 4;
/// The virtual LAN that everything on a bridge is in where nothing else was said.
const DEFAULT_VLAN: u16 = 1;

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

fn message(index: u32, attributes: Vec<LinkAttribute>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes = attributes;
    message
}

fn up(mut message: LinkMessage) -> LinkMessage {
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message
}

fn named(name: &str) -> LinkAttribute {
    LinkAttribute::IfName(name.to_owned())
}

fn mac(address: MacAddress) -> LinkAttribute {
    LinkAttribute::Address(address.0.to_vec())
}

fn info(kind: InfoKind, data: Option<InfoData>) -> LinkAttribute {
    LinkAttribute::LinkInfo(
        [Some(LinkInfo::Kind(kind)), data.map(LinkInfo::Data)].into_iter().flatten().collect(),
    )
}

/// The kind of a device. Read alone, because what else the kernel says of a kind changes with it.
fn kind_of(info: &[u8]) -> Option<InfoKind> {
    NlasIterator::new(info).map_while(std::result::Result::ok).find_map(|part| InfoKind::parse(&part).ok())
}

fn parse(body: &[u8]) -> Option<Link> {
    let header = LinkHeader::parse(body).ok()?;
    let mut link = Link {
        index: header.index,
        name: String::new(),
        up: header.flags.contains(LinkFlags::Up),
        operational: false,
        mtu: 0,
        mac: None,
        kind: String::new(),
    };
    let found = attributes(body, &header, |part| match part.kind() {
        libc::IFLA_LINKINFO => Ok(info(kind_of(part.value()).ok_or("no kind")?, None)),
        _ => LinkAttribute::parse_with_param(part, AddressFamily::Unspec),
    });
    for attribute in found {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::OperState(state) => link.operational = state == State::Up,
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::Address(bytes) => link.mac = <[u8; 6]>::try_from(bytes).ok().map(MacAddress),
            LinkAttribute::LinkInfo(infos) => {
                link.kind = infos
                    .iter()
                    .find_map(
                        |part| if let LinkInfo::Kind(kind) = part { Some(kind.to_string()) } else { None },
                    )
                    .unwrap_or_default();
            }
            _ => {}
        }
    }
    Some(link)
}

/// The device called `name`, if there is one.
pub(crate) fn find(socket: &mut Socket, name: &str) -> Result<Option<Link>> {
    match socket.query(RouteNetlinkMessage::GetLink(message(0, vec![named(name)]))) {
        Ok(answers) => Ok(answers.first().and_then(|body| parse(body))),
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
        Err(error) => Err(Error::kernel(format!("looking for network device {name}"), error)),
    }
}

/// All devices.
pub(crate) fn all(socket: &mut Socket) -> Result<Vec<Link>> {
    let answers = socket
        .dump(RouteNetlinkMessage::GetLink(LinkMessage::default()))
        .map_err(|error| Error::kernel("listing network devices", error))?;
    Ok(answers.iter().filter_map(|body| parse(body)).collect())
}

/// Makes a bridge that is up; the answer is false where a device of that name exists.
pub(crate) fn add_bridge(
    socket: &mut Socket,
    name: &str,
    address: MacAddress,
    mtu: Option<u32>,
) -> Result<bool> {
    let mut attributes = vec![named(name), mac(address), info(InfoKind::Bridge, None)];
    attributes.extend(mtu.map(LinkAttribute::Mtu));
    match socket.execute(RouteNetlinkMessage::NewLink(up(message(0, attributes))), MAKE) {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(false),
        Err(error) => Err(Error::kernel(format!("creating bridge {name}"), error)),
    }
}

/// Makes a veth pair: the host's end up and in its bridge, the other one down in the container's namespace.
pub(crate) fn add_veth(socket: &mut Socket, veth: &Veth<'_>) -> io::Result<()> {
    let mut peer =
        vec![named(veth.peer_name), mac(veth.peer_mac), LinkAttribute::NetNsFd(veth.peer_netns.as_raw_fd())];
    peer.extend(veth.mtu.map(LinkAttribute::Mtu));
    let peer = InfoData::Veth(InfoVeth::Peer(message(0, peer)));
    let mut attributes =
        vec![named(veth.name), LinkAttribute::Controller(veth.master), info(InfoKind::Veth, Some(peer))];
    attributes.extend(veth.mtu.map(LinkAttribute::Mtu));
    socket.execute(RouteNetlinkMessage::NewLink(up(message(0, attributes))), MAKE)
}

/// What a bridge knows of its port (or of itself) `index`.
fn of_bridge(index: u32, attribute: LinkAttribute) -> LinkMessage {
    let mut message = message(index, vec![attribute]);
    message.header.interface_family = AddressFamily::Bridge;
    message
}

/// Lets a bridge send a frame back through the port it came from: with `br_netfilter`, a container that uses
/// its own published port needs it.
pub(crate) fn set_hairpin(socket: &mut Socket, index: u32) -> io::Result<()> {
    let mode = LinkProtoInfoBridge::Other(DefaultNla::new(IFLA_BRPORT_MODE, vec![1]));
    let change = of_bridge(index, LinkAttribute::ProtoInfoBridge(vec![mode]));
    socket.execute(RouteNetlinkMessage::SetLink(change), CHANGE)
}

/// Makes a bridge keep virtual LANs apart.
pub(crate) fn set_vlan_filtering(socket: &mut Socket, bridge: u32) -> io::Result<()> {
    let filtering = InfoData::Bridge(vec![InfoBridge::VlanFiltering(true)]);
    let change = message(bridge, vec![info(InfoKind::Bridge, Some(filtering))]);
    socket.execute(RouteNetlinkMessage::NewLink(change), CHANGE)
}

/// Puts a port of a bridge (or with `is_bridge` the bridge itself) into a virtual LAN: what comes without a tag is of it. A
/// port is in no other one then.
pub(crate) fn set_vlan(socket: &mut Socket, index: u32, tag: u16, is_bridge: bool) -> io::Result<()> {
    let change = |flags: BridgeVlanInfoFlags, vid: u16| {
        let itself = is_bridge.then_some(AfSpecBridge::Flags(BridgeFlag::LowerDev));
        let vlan = AfSpecBridge::VlanInfo(BridgeVlanInfo { flags, vid });
        of_bridge(index, LinkAttribute::AfSpecBridge(itself.into_iter().chain([vlan]).collect()))
    };
    let of_untagged = change(BridgeVlanInfoFlags::Pvid | BridgeVlanInfoFlags::Untagged, tag);
    socket.execute(RouteNetlinkMessage::SetLink(of_untagged), CHANGE)?;
    if is_bridge || tag == DEFAULT_VLAN {
        return Ok(());
    }
    let default = change(BridgeVlanInfoFlags::empty(), DEFAULT_VLAN);
    socket.execute(RouteNetlinkMessage::DelLink(default), CHANGE)
}

/// Puts a device into the virtual router (or bridge) `master`.
pub(crate) fn set_master(socket: &mut Socket, index: u32, master: u32) -> io::Result<()> {
    let change = message(index, vec![LinkAttribute::Controller(master)]);
    socket.execute(RouteNetlinkMessage::NewLink(change), CHANGE)
}

/// Makes a macvlan or ipvlan device, down, in the container's namespace.
pub(crate) fn add_child(socket: &mut Socket, child: &Child<'_>) -> io::Result<()> {
    let info = if child.kind == "macvlan" {
        let mode = InfoMacVlan::Mode(child.mode.into());
        let limit = child.broadcast_limit.map(InfoMacVlan::BcCutoff);
        info(InfoKind::MacVlan, Some(InfoData::MacVlan([mode].into_iter().chain(limit).collect())))
    } else {
        // The mode of an ipvlan device is a 16-bit number; modes are single digits.
        let mode = InfoIpVlan::Mode((child.mode as u16).into());
        info(InfoKind::IpVlan, Some(InfoData::IpVlan(vec![mode])))
    };
    let mut attributes = vec![
        named(child.name),
        LinkAttribute::Link(child.parent),
        LinkAttribute::NetNsFd(child.netns.as_raw_fd()),
        info,
    ];
    attributes.extend(child.mac.map(mac));
    attributes.extend(child.mtu.map(LinkAttribute::Mtu));
    socket.execute(RouteNetlinkMessage::NewLink(message(0, attributes)), MAKE)
}

/// Deletes a device; one that is gone is fine.
pub(crate) fn delete(socket: &mut Socket, name: &str) -> Result<()> {
    match socket.execute(RouteNetlinkMessage::DelLink(message(0, vec![named(name)])), CHANGE) {
        Err(error) if error.raw_os_error() != Some(libc::ENODEV) => {
            Err(Error::kernel(format!("deleting network device {name}"), error))
        }
        _ => Ok(()),
    }
}

/// Brings a device up.
pub(crate) fn set_up(socket: &mut Socket, index: u32) -> Result<()> {
    socket
        .execute(RouteNetlinkMessage::NewLink(up(message(index, Vec::new()))), CHANGE)
        .map_err(|error| Error::kernel(format!("bringing network device {index} up"), error))
}
