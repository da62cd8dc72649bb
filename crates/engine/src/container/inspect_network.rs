//! The network part of `inspect`.

use std::collections::BTreeMap;

use cove_api::{
    InspectAdditionalNetwork, InspectAddress, InspectBasicNetworkConfig, InspectNetworkSettings,
    NetworkStatus, Result,
};

use crate::container::{inspect, ports};
use crate::engine::Core;
use crate::state::{ContainerRow, NetworkMode};

/// Ports, addresses and networks of a container; of the one whose network it shares, where it does.
pub(super) fn settings(core: &Core, row: &ContainerRow) -> Result<InspectNetworkSettings> {
    if let NetworkMode::Container(other) = &row.config.network {
        let mut other = core.find_container(other)?;
        core.refresh(&mut other)?;
        if !matches!(other.config.network, NetworkMode::Container(_)) {
            return settings(core, &other);
        }
    }
    let mut settings = InspectNetworkSettings::default();
    for (port, hosts) in ports::table(&row.config.ports) {
        settings.ports.insert(port, hosts.into_iter().map(inspect::host_port).collect());
    }
    if !matches!(row.config.network, NetworkMode::Host | NetworkMode::Container(_)) {
        for port in &row.config.exposed {
            settings.ports.entry(port.to_string()).or_default();
        }
    }
    if row.status.netns.is_empty() {
        if row.status.pid > 0 && row.config.network == NetworkMode::None {
            settings.sandbox_key = format!("/proc/{}/ns/net", row.status.pid);
        }
    } else {
        settings.sandbox_key.clone_from(&row.status.netns);
    }
    settings.networks = networks(row, |name| network_id(core, name))?;
    let default = core.options.containers.network.default_network.as_deref().unwrap_or("podman");
    match row.config.network {
        NetworkMode::Bridge if row.config.networks.len() == 1 => {
            if let Some(status) = row.status.networks.get(default) {
                settings.basic = basic(status);
            }
        }
        NetworkMode::Userland | NetworkMode::Pasta | NetworkMode::Slirp => {
            if let Some(status) = row.status.networks.values().next() {
                settings.basic = basic(status);
            }
        }
        _ => {}
    }
    Ok(settings)
}

/// The id of a network; its name, where it has been removed.
pub(super) fn network_id(core: &Core, name: &str) -> Result<String> {
    Ok(core.networks()?.inspect(name).map(|network| network.id).unwrap_or_else(|_| name.to_owned()))
}

/// The networks of a container by name.
pub(super) fn networks(
    row: &ContainerRow,
    mut id_of: impl FnMut(&str) -> Result<String>,
) -> Result<BTreeMap<String, InspectAdditionalNetwork>> {
    let mut all = BTreeMap::new();
    if matches!(row.config.network, NetworkMode::Path(_)) {
        return Ok(all);
    }
    if row.config.network != NetworkMode::Bridge {
        let name = inspect::network_mode(row);
        let network = InspectAdditionalNetwork { network_id: name.clone(), ..Default::default() };
        all.insert(name, network);
        return Ok(all);
    }
    for (name, options) in &row.config.networks {
        all.insert(
            name.clone(),
            InspectAdditionalNetwork {
                basic: row.status.networks.get(name).map(basic).unwrap_or_default(),
                network_id: id_of(name)?,
                driver_opts: options.options.clone(),
                aliases: options.aliases.clone(),
                ..Default::default()
            },
        );
    }
    Ok(all)
}

fn basic(status: &NetworkStatus) -> InspectBasicNetworkConfig {
    let mut config = InspectBasicNetworkConfig::default();
    for interface in status.interfaces.values() {
        if config.mac_address.is_empty() {
            config.mac_address.clone_from(&interface.mac_address);
        } else {
            config.additional_mac_addresses.push(interface.mac_address.clone());
        }
        for address in &interface.subnets {
            let (ip, prefix) = address.ipnet.split_once('/').unwrap_or((&address.ipnet, "0"));
            let prefix: i32 = prefix.parse().unwrap_or_default();
            let further = || InspectAddress { addr: ip.to_owned(), prefix_length: prefix };
            if ip.contains(':') {
                if config.global_ipv6_address.is_empty() {
                    config.global_ipv6_address = ip.to_owned();
                    config.global_ipv6_prefix_len = prefix;
                    config.ipv6_gateway.clone_from(&address.gateway);
                } else {
                    config.secondary_ipv6_addresses.push(further());
                }
            } else if config.ip_address.is_empty() {
                config.ip_address = ip.to_owned();
                config.ip_prefix_len = prefix;
                config.gateway.clone_from(&address.gateway);
            } else {
                config.secondary_ip_addresses.push(further());
            }
        }
    }
    config
}
