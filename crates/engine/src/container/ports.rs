//! Exposed and published ports.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use cove_api::{
    ContainerSpec, Error, ErrorKind, ExposedPort, PORT_LIMIT, PortMapping, Protocol, PublishedPort, Result,
};
use cove_config::ContainersConf;

use crate::state::{ImageFacts, NetworkMode};

/// All exposed ports, of image and request.
pub(super) fn exposed(spec: &ContainerSpec, image: &ImageFacts) -> Result<BTreeSet<ExposedPort>> {
    let mut exposed = BTreeSet::new();
    for text in image.config.exposed_ports.keys() {
        let ports = ExposedPort::range(text)
            .map_err(|error| error.context(format!("the image exposes {text:?}, which is no port")))?;
        exposed.extend(ports);
    }
    for (port, protocols) in &spec.expose {
        if *port == 0 {
            return Err(Error::invalid("an exposed port must not be 0"));
        }
        for protocol in Protocol::list(protocols)? {
            exposed.insert(ExposedPort { port: *port, protocol });
        }
    }
    Ok(exposed)
}

/// The addresses of the host on which ports are published that name none (containers.conf `default_host_ips`).
pub(super) fn default_addresses(conf: &ContainersConf) -> Result<Vec<IpAddr>> {
    let texts = conf.network.default_host_ips.as_ref().map(|list| list.values.as_slice()).unwrap_or_default();
    let address = |text: &String| {
        text.parse().map_err(|_| {
            Error::invalid(format!("containers.conf: default_host_ips has {text:?}, which is no IP address"))
        })
    };
    texts.iter().map(address).collect()
}

/// The published ports with a host port for every one, those without an address on each of `defaults`; empty where the
/// network has no use for them.
pub(super) fn published(
    spec: &ContainerSpec,
    exposed: &BTreeSet<ExposedPort>,
    network: &NetworkMode,
    defaults: &[IpAddr],
) -> Result<Vec<PublishedPort>> {
    if matches!(
        network,
        NetworkMode::Host | NetworkMode::None | NetworkMode::Container(_) | NetworkMode::Path(_)
    ) {
        // Nothing to publish through; podman only warns.
        return PortMapping::expand_all(&spec.portmappings).map(|_| Vec::new());
    }
    let mut ports = Vec::new();
    let mut taken = Vec::new();
    for mapping in &spec.portmappings {
        let mut single = mapping.expand()?;
        // A range stays one: its free ports are neighbours, too.
        for range in single.chunk_by_mut(|one, next| one.protocol == next.protocol) {
            choose_host_ports(range, &mut taken)?;
        }
        ports.extend(on_each(single, defaults));
        if ports.len() > PORT_LIMIT {
            return Err(Error::invalid(format!("more than {PORT_LIMIT} published ports")));
        }
    }
    if spec.publish_image_ports == Some(true) {
        let named: BTreeSet<ExposedPort> = ports.iter().map(PublishedPort::exposed).collect();
        for &ExposedPort { port, protocol } in exposed.difference(&named) {
            let mut single = [PublishedPort { host_ip: None, host_port: 0, container_port: port, protocol }];
            choose_host_ports(&mut single, &mut taken)?;
            ports.extend(on_each(single.to_vec(), defaults));
        }
    }
    Ok(ports)
}

/// Ports that name no address of the host, on each of these.
fn on_each(ports: Vec<PublishedPort>, addresses: &[IpAddr]) -> Vec<PublishedPort> {
    if addresses.is_empty() || ports.iter().any(|port| port.host_ip.is_some()) {
        return ports;
    }
    let on = |address: &IpAddr| {
        let host_ip = Some(*address);
        ports.iter().map(move |port| PublishedPort { host_ip, ..*port }).collect::<Vec<_>>()
    };
    addresses.iter().flat_map(on).collect()
}

/// Gives free ports of the host to `range`, ports of one mapping and protocol, where it has none.
fn choose_host_ports(range: &mut [PublishedPort], taken: &mut Vec<u16>) -> Result<()> {
    let Some(first) = range.first().filter(|port| port.host_port == 0) else { return Ok(()) };
    let chosen = free_ports(first.host().ip(), first.protocol, range.len(), taken)?;
    for (port, number) in range.iter_mut().zip(chosen) {
        port.host_port = number;
    }
    Ok(())
}

/// So many free ports of the host in a row, found by binding to them.
fn free_ports(
    address: IpAddr,
    protocol: Protocol,
    count: usize,
    taken: &mut Vec<u16>,
) -> Result<std::ops::RangeInclusive<u16>> {
    let bind = |number: u16| -> std::io::Result<SocketAddr> {
        match protocol {
            Protocol::Udp => UdpSocket::bind((address, number))?.local_addr(),
            Protocol::Tcp | Protocol::Sctp => TcpListener::bind((address, number))?.local_addr(),
        }
    };
    for _ in 0..64 {
        let first = bind(0)
            .map_err(|error| Error::from(error).context(format!("failed to find free port on {address}")))?
            .port();
        let Ok(last) = u16::try_from(usize::from(first) + count - 1) else { continue };
        let usable = (first..=last).all(|number| !taken.contains(&number))
            && (first.saturating_add(1)..=last).all(|number| bind(number).is_ok());
        if usable {
            taken.extend(first..=last);
            return Ok(first..=last);
        }
    }
    Err(Error::new(ErrorKind::Unavailable, format!("failed to find {count} free ports in a row")))
}

/// Published ports as `80/tcp -> host addresses`.
pub(crate) fn table(ports: &[PublishedPort]) -> BTreeMap<String, Vec<(String, u16)>> {
    let mut table: BTreeMap<String, Vec<(String, u16)>> = BTreeMap::new();
    for port in ports {
        let address = port.host_ip.map_or_else(String::new, |address| address.to_string());
        table.entry(port.exposed().to_string()).or_default().push((address, port.host_port));
    }
    table
}
