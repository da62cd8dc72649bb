//! Making the devices that connect a container, in the host's namespace and in the container's.

use std::net::IpAddr;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use cove_api::{MacAddress, Network};

use crate::addr::{Cidr, random_mac};
use crate::error::{Error, Result};
use crate::link::{self, Child, Veth};
use crate::netlink::Socket;
use crate::netns;
use crate::record::RecordNetwork;
use crate::route;
use crate::settings::{Driver, Settings};

/// Longer, the container starts anyway.
const PORT_TIMEOUT: Duration = Duration::from_millis(500);
const ETHERNET_MTU: u32 = 1500;

/// One network of a container, planned: everything known but nothing done.
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) entry: RecordNetwork,
    /// Addresses with their gateways.
    pub(crate) addresses: Vec<(Cidr, Option<IpAddr>)>,
    pub(crate) mac: MacAddress,
    pub(crate) static_mac: bool,
    /// Its device on the host has a name of the user's, which may be another's device.
    pub(crate) named_by_user: bool,
}

/// The MTU of the device that the default route leaves by: packets of containers leave by it too.
fn default_mtu(socket: &mut Socket) -> Option<u32> {
    let index = default_device(socket).ok()??;
    link::all(socket).ok()?.into_iter().find(|device| device.index == index).map(|device| device.mtu)
}

fn default_device(socket: &mut Socket) -> Result<Option<u32>> {
    let mut routes = route::routes(socket)?;
    routes.retain(|route| route.destination.is_none());
    Ok(routes.iter().min_by_key(|route| route.metric).and_then(|route| route.device))
}

/// Makes sure of the bridge with its addresses and sysctls; returns its index, and
/// the MTU for its ports where that is not the usual one.
fn ensure_bridge(socket: &mut Socket, network: &Network, settings: &Settings) -> Result<(u32, Option<u32>)> {
    let name = &network.network_interface;
    if name.is_empty() {
        return Err(Error::Invalid(format!("network {} has no network_interface", network.name)));
    }
    let managed = settings.driver == Driver::Bridge { managed: true };
    let mut fresh = false;
    let bridge = match link::find(socket, name)? {
        Some(bridge) => bridge,
        None if !managed => {
            return Err(Error::Invalid(format!(
                "in unmanaged mode, the bridge {name} of network {} must exist",
                network.name
            )));
        }
        None => {
            let mtu = settings.mtu.or_else(|| default_mtu(socket));
            fresh = link::add_bridge(socket, name, random_mac(), mtu)?;
            link::find(socket, name)?.ok_or_else(|| {
                Error::kernel(format!("creating bridge {name}"), std::io::Error::other("it is gone"))
            })?
        }
    };
    if bridge.kind != "bridge" {
        return Err(Error::InUse(format!(
            "bridge interface {name} already exists but is a {:?} interface",
            bridge.kind
        )));
    }
    let mtu = settings.mtu.or(Some(bridge.mtu).filter(|mtu| *mtu != ETHERNET_MTU));
    if !managed {
        return Ok((bridge.index, mtu));
    }
    if fresh && !settings.has_family(false) {
        // Otherwise the bridge and all containers would solicit routers of nobody.
        let _ = netns::sysctl(&format!("net/ipv6/conf/{name}/accept_ra"), "0");
    }
    for subnet in &settings.subnets {
        if let Some(address) = subnet.gateway.and_then(|gateway| Cidr::new(gateway, subnet.subnet.prefix())) {
            route::add_address(socket, bridge.index, address)?;
        }
    }
    separate(socket, name, bridge.index, settings)?;
    if !bridge.up {
        link::set_up(socket, bridge.index)?;
    }
    if settings.has_family(true) {
        if !network.internal {
            netns::sysctl("net/ipv4/ip_forward", "1")?;
        }
        // Ports published on loopback leave through the bridge with a loopback source until they are masqueraded.
        netns::sysctl(&format!("net/ipv4/conf/{name}/route_localnet"), "1")?;
        netns::sysctl(&format!("net/ipv4/conf/{name}/rp_filter"), "2")?;
    }
    if settings.has_family(false) && !network.internal {
        netns::sysctl("net/ipv6/conf/all/forwarding", "1")?;
    }
    Ok((bridge.index, mtu))
}

/// Puts a bridge of ours into its virtual router and its virtual LAN.
fn separate(socket: &mut Socket, name: &str, bridge: u32, settings: &Settings) -> Result<()> {
    if let Some(vrf) = &settings.vrf {
        let router = link::find(socket, vrf)?.filter(|router| router.kind == "vrf").ok_or_else(|| {
            Error::Invalid(format!("the virtual router {vrf} (option vrf) of bridge {name} does not exist"))
        })?;
        link::set_master(socket, bridge, router.index)
            .map_err(|error| Error::kernel(format!("putting bridge {name} into {vrf}"), error))?;
    }
    if let Some(tag) = settings.vlan {
        link::set_vlan_filtering(socket, bridge)
            .and_then(|()| link::set_vlan(socket, bridge, tag, true))
            .map_err(|error| match error.raw_os_error() {
                Some(libc::EOPNOTSUPP) => Error::Unsupported(format!(
                    "the option vlan of bridge {name} needs virtual LANs on bridges, which this kernel does not have"
                )),
                _ => Error::kernel(format!("setting the vlan {tag} of bridge {name}"), error),
            })?;
    }
    Ok(())
}

/// Connects a container to a bridge by a veth pair.
pub(crate) fn attach_bridge(
    socket: &mut Socket,
    plan: &Plan,
    namespace: BorrowedFd<'_>,
    hairpin: bool,
) -> Result<()> {
    let (master, mtu) = ensure_bridge(socket, &plan.entry.network, &plan.settings)?;
    let veth = Veth {
        name: &plan.entry.host_device,
        master,
        peer_name: &plan.entry.interface,
        peer_mac: plan.mac,
        peer_netns: namespace,
        mtu,
    };
    let result = match link::add_veth(socket, &veth) {
        // A pair of the same container from an attempt that was killed, or whose namespace is just ending.
        Err(error)
            if error.raw_os_error() == Some(libc::EEXIST)
                && !plan.named_by_user
                && link::find(socket, veth.name)?.is_some() =>
        {
            link::delete(socket, veth.name)?;
            link::add_veth(socket, &veth)
        }
        other => other,
    };
    result.map_err(|error| match error.raw_os_error() {
        Some(libc::EEXIST) if plan.named_by_user => Error::InUse(format!(
            "interface {} exists on the host, or {} in the container's network namespace",
            veth.name, veth.peer_name
        )),
        Some(libc::EEXIST) => {
            Error::InUse(format!("interface {} exists in the container's network namespace", veth.peer_name))
        }
        _ => Error::kernel(format!("creating the veth pair {} - {}", veth.name, veth.peer_name), error),
    })?;
    if let Some(tag) = plan.settings.vlan
        && let Some(port) = link::find(socket, veth.name)?
    {
        link::set_vlan(socket, port.index, tag, false)
            .map_err(|error| Error::kernel(format!("setting the vlan {tag} of {}", veth.name), error))?;
    }
    if hairpin && let Some(port) = link::find(socket, veth.name)? {
        link::set_hairpin(socket, port.index)
            .map_err(|error| Error::kernel(format!("setting hairpin mode of {}", veth.name), error))?;
    }
    Ok(())
}

/// Waits until the bridge forwards to a new port. The kernel notices the carrier of the pair on a work queue; what
/// is sent before is lost, and its sender would try again only after a second.
pub(crate) fn wait_for_port(socket: &mut Socket, name: &str) -> Result<()> {
    let deadline = Instant::now() + PORT_TIMEOUT;
    while !link::find(socket, name)?.is_none_or(|port| port.operational) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_micros(300));
    }
    Ok(())
}

/// Gives a container a device on a parent of the host.
pub(crate) fn attach_child(
    socket: &mut Socket,
    plan: &Plan,
    kind: &str,
    mode: u32,
    namespace: BorrowedFd<'_>,
) -> Result<()> {
    let network = &plan.entry.network;
    let parent = match network.network_interface.as_str() {
        "" => default_device(socket)?.ok_or_else(|| {
            Error::Invalid(format!(
                "network {} has no parent interface and the host no default route",
                network.name
            ))
        })?,
        name => {
            link::find(socket, name)?
                .ok_or_else(|| Error::Invalid(format!("parent interface {name} does not exist")))?
                .index
        }
    };
    let child = Child {
        kind,
        mode,
        parent,
        name: &plan.entry.interface,
        mac: (kind == "macvlan" || plan.static_mac).then_some(plan.mac),
        netns: namespace,
        mtu: plan.settings.mtu,
        broadcast_limit: plan.settings.broadcast_limit,
    };
    link::add_child(socket, &child).map_err(|error| match error.raw_os_error() {
        Some(libc::EOPNOTSUPP) => Error::Unsupported(format!("this kernel has no {kind} interfaces")),
        _ => Error::kernel(format!("creating the {kind} interface {}", child.name), error),
    })
}

/// Configures one device within the container's namespace.
pub(crate) fn configure(socket: &mut Socket, plan: &Plan) -> Result<()> {
    let name = &plan.entry.interface;
    let device = link::find(socket, name)?.ok_or_else(|| {
        Error::kernel(format!("looking for {name} in the container"), std::io::Error::other("no device"))
    })?;
    // Announces the address when the device comes up, so that nobody keeps the last owner's hardware address.
    let _ = netns::sysctl(&format!("net/ipv4/conf/{name}/arp_notify"), "1");
    if plan.settings.has_family(false) {
        let _ = netns::sysctl(&format!("net/ipv6/conf/{name}/autoconf"), "0");
        let _ = netns::sysctl(&format!("net/ipv6/conf/{name}/disable_ipv6"), "0");
    }
    let _ = netns::sysctl(&format!("net/ipv6/conf/{name}/accept_ra"), "0");
    for (address, _) in &plan.addresses {
        route::add_address(socket, device.index, *address)?;
    }
    link::set_up(socket, device.index)?;
    if plan.settings.default_route {
        for (_, gateway) in &plan.addresses {
            if let Some(gateway) = gateway {
                route::add_route(socket, device.index, None, *gateway, plan.settings.metric.or(Some(100)))?;
            }
        }
    }
    for route in &plan.settings.routes {
        route::add_route(
            socket,
            device.index,
            Some(route.destination.network()),
            route.gateway,
            route.metric,
        )?;
    }
    Ok(())
}
