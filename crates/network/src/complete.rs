//! What a requested network leaves open, and what it may not ask for.

use std::collections::BTreeMap;

use cove_api::{Network, Subnet};

use crate::addr::Cidr;
use crate::error::{Error, Result};
use crate::ident;
use crate::link;
use crate::netlink::Socket;
use crate::pool::{SubnetPool, first_host, free_ipv6_subnet, free_subnet};
use crate::route;
use crate::settings::{Settings, has_own_bridge};

/// Which names and subnets the host itself uses.
#[derive(Debug, Default)]
pub(crate) struct Host {
    pub(crate) devices: Vec<String>,
    pub(crate) subnets: Vec<Cidr>,
}

impl Host {
    pub(crate) fn look() -> Result<Self> {
        let mut socket = Socket::route().map_err(|error| Error::kernel("opening a netlink socket", error))?;
        let devices = link::all(&mut socket)?.into_iter().map(|link| link.name).collect();
        let mut subnets: Vec<Cidr> =
            route::addresses(&mut socket)?.into_iter().map(|(_, address)| address.network()).collect();
        subnets.extend(route::routes(&mut socket)?.into_iter().filter_map(|route| route.destination));
        // A route to everything, as VPNs make in two halves, takes no subnet away.
        subnets.retain(|subnet| subnet.prefix() > 1);
        Ok(Self { devices, subnets })
    }
}

/// Checks a requested network and fills in what it leaves open. Pure apart from the id and the time.
pub(crate) fn complete(
    mut network: Network,
    networks: &BTreeMap<String, Network>,
    host: &Host,
    pools: &[SubnetPool],
) -> Result<Network> {
    if !network.id.is_empty() {
        return Err(Error::Invalid("ID can not be set for network create: invalid argument".into()));
    }
    network.id = ident::random_id();
    network.created = jiff::Timestamp::now();
    if network.driver.is_empty() {
        network.driver = "bridge".into();
    }
    network.options = network.options.into_iter().map(|(key, value)| (docker_option(&key), value)).collect();
    if let Some(name) = network.options.remove("bridge_name") {
        network.network_interface = name;
    }
    let free_name = || {
        (1u32..)
            .map(|count| format!("podman{count}"))
            .find(|name| {
                !networks.values().any(|other| other.name == *name || other.network_interface == *name)
                    && !host.devices.contains(name)
            })
            .unwrap_or_default()
    };
    if network.name.is_empty() {
        network.name = free_name();
    }
    ident::check_network_name(&network.name)?;
    if matches!(
        network.name.as_str(),
        "none" | "host" | "default" | "private" | "container" | "slirp4netns" | "pasta" | "ns"
    ) {
        return Err(Error::Invalid(format!("network name {:?} is reserved: invalid argument", network.name)));
    }
    let bridge = network.driver == "bridge";
    if bridge {
        if network.network_interface.is_empty() && !has_own_bridge(&network) {
            return Err(Error::Invalid(
                "in unmanaged mode, the name of an existing bridge must be given as interface name".into(),
            ));
        }
        if network.network_interface.is_empty() {
            network.network_interface = free_name();
        }
        ident::check_device_name(&network.network_interface)?;
        if has_own_bridge(&network)
            && networks.values().any(|other| other.network_interface == network.network_interface)
        {
            return Err(Error::InUse(format!("bridge name {} already in use", network.network_interface)));
        }
    } else {
        if network.network_interface.is_empty() {
            network.network_interface = network.options.get("parent").cloned().unwrap_or_default();
        }
        network.options.remove("parent");
        if !network.network_interface.is_empty() {
            ident::check_device_name(&network.network_interface)?;
            if !host.devices.contains(&network.network_interface) {
                return Err(Error::Invalid(format!(
                    "parent interface {} does not exist",
                    network.network_interface
                )));
            }
        }
    }
    let own_bridge = has_own_bridge(&network);
    if !own_bridge {
        // Name service needs an address of the host in the network, which there is on bridges of ours alone.
        network.dns_enabled = false;
    }
    for server in &network.network_dns_servers {
        if server.parse::<std::net::IpAddr>().is_err() {
            return Err(Error::Invalid(format!("unable to parse ip {server}: invalid argument")));
        }
    }
    fill_subnets(&mut network, networks, host, pools, own_bridge)?;
    Settings::parse(&network)?;
    Ok(network)
}

fn fill_subnets(
    network: &mut Network,
    networks: &BTreeMap<String, Network>,
    host: &Host,
    pools: &[SubnetPool],
    bridge: bool,
) -> Result<()> {
    let ipam = network.ipam_options.entry("driver".into()).or_default();
    if ipam == "none" {
        if !network.subnets.is_empty() {
            return Err(Error::Invalid(
                "none ipam driver is set but subnets are given: invalid argument".into(),
            ));
        }
        network.dns_enabled = false;
        return Ok(());
    }
    if ipam.is_empty() {
        *ipam = "host-local".into();
    }
    if network.subnets.is_empty() && !bridge {
        return Err(Error::Unsupported(format!(
            "driver {} without a subnet would need DHCP, which is not supported: give a subnet, or the ipam driver none",
            network.driver
        )));
    }
    let mut used: Vec<Cidr> = host.subnets.clone();
    for other in networks.values() {
        used.extend(other.subnets.iter().filter_map(|subnet| subnet.subnet.parse::<Cidr>().ok()));
    }
    let parsed = Settings::parse(&Network { options: BTreeMap::new(), ..network.clone() })?;
    // A subnet of a macvlan network is that of its parent, so it is in use by design.
    if bridge {
        for subnet in &parsed.subnets {
            if used.iter().any(|other| other.overlaps(&subnet.subnet)) {
                return Err(Error::InUse(format!(
                    "subnet {} is already used on the host or by another config",
                    subnet.subnet
                )));
            }
            used.push(subnet.subnet);
        }
    }
    let has = |ipv4: bool| parsed.has_family(ipv4);
    if bridge && (network.subnets.is_empty() || (network.ipv6_enabled && !has(true) && !has(false))) {
        network.subnets.push(Subnet { subnet: free_subnet(&used, pools)?.to_string(), ..Subnet::default() });
    }
    if bridge && network.ipv6_enabled && !has(false) {
        network.subnets.push(Subnet { subnet: free_ipv6_subnet(&used).to_string(), ..Subnet::default() });
    }
    for subnet in &mut network.subnets {
        let cidr = subnet.subnet.parse::<Cidr>()?.network();
        subnet.subnet = cidr.to_string();
        if subnet.gateway.is_empty() && (bridge || !network.internal) {
            subnet.gateway = first_host(cidr).to_string();
        }
        if !cidr.is_ipv4() {
            network.ipv6_enabled = true;
        }
    }
    Ok(())
}

fn docker_option(key: &str) -> String {
    match key {
        "com.docker.network.driver.mtu" => "mtu",
        "com.docker.network.bridge.name" => "bridge_name",
        "macvlan_mode" | "ipvlan_mode" => "mode",
        other => other,
    }
    .to_owned()
}
