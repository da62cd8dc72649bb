//! Exposed and published ports.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};

use cove_api::{ContainerSpec, Error, ErrorKind, PortMapping, Result};

use crate::state::{ImageFacts, NetworkMode};

/// All exposed ports, of image and request, as `80/tcp`.
pub(super) fn exposed(spec: &ContainerSpec, image: &ImageFacts) -> Result<BTreeSet<String>> {
    let mut exposed = BTreeSet::new();
    for text in image.config.exposed_ports.keys() {
        let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else {
            return Err(Error::invalid(format!("the image exposes {text:?}, which is no port")));
        };
        for port in first..=last {
            exposed.insert(format!("{port}/{protocol}"));
        }
    }
    for (port, protocols) in &spec.expose {
        for protocol in protocols.split(',').filter(|protocol| !protocol.is_empty()) {
            exposed.insert(format!("{port}/{protocol}"));
        }
    }
    Ok(exposed)
}

/// The published ports, one protocol each, with a host port for every one; empty where the network has no use for them.
pub(super) fn published(
    spec: &ContainerSpec,
    exposed: &BTreeSet<String>,
    network: &NetworkMode,
) -> Result<Vec<PortMapping>> {
    let mut ports = Vec::new();
    for mapping in &spec.portmappings {
        for protocol in mapping.protocol.split(',') {
            let protocol = if protocol.is_empty() { "tcp" } else { protocol };
            if !matches!(protocol, "tcp" | "udp" | "sctp") {
                return Err(Error::invalid(format!(
                    "port mapping protocol {protocol:?} is none of tcp, udp, sctp"
                )));
            }
            if mapping.container_port == 0 {
                return Err(Error::invalid("container port must not be 0"));
            }
            let range = mapping.range.max(1);
            if mapping.container_port.checked_add(range - 1).is_none()
                || (mapping.host_port > 0 && mapping.host_port.checked_add(range - 1).is_none())
            {
                return Err(Error::invalid("port range exceeds 65535"));
            }
            ports.push(PortMapping { protocol: protocol.into(), range, ..mapping.clone() });
        }
    }
    if spec.publish_image_ports == Some(true) {
        for text in exposed {
            let Some((port, protocol)) = text.split_once('/') else { continue };
            let Ok(container_port) = port.parse::<u16>() else { continue };
            let published = ports.iter().any(|known| {
                known.protocol == protocol
                    && (known.container_port..=known.container_port + (known.range - 1))
                        .contains(&container_port)
            });
            if !published {
                ports.push(PortMapping {
                    container_port,
                    range: 1,
                    protocol: protocol.into(),
                    ..PortMapping::default()
                });
            }
        }
    }
    if matches!(
        network,
        NetworkMode::Host | NetworkMode::None | NetworkMode::Container(_) | NetworkMode::Path(_)
    ) {
        // Nothing to publish through; podman only warns.
        return Ok(Vec::new());
    }
    let mut taken = Vec::new();
    for port in &mut ports {
        if port.host_port == 0 {
            port.host_port = free_port(port, &mut taken)?;
        }
    }
    ports.sort_by(|a, b| (&a.protocol, a.host_port, &a.host_ip).cmp(&(&b.protocol, b.host_port, &b.host_ip)));
    Ok(ports)
}

/// A free host port (or the first of as many free ones), found by binding to it.
fn free_port(port: &PortMapping, taken: &mut Vec<u16>) -> Result<u16> {
    let address: IpAddr = if port.host_ip.is_empty() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    } else {
        port.host_ip
            .parse()
            .map_err(|_| Error::invalid(format!("{:?} is not an IP address", port.host_ip)))?
    };
    let bind = |number: u16| -> std::io::Result<u16> {
        if port.protocol == "udp" {
            UdpSocket::bind((address, number))?.local_addr()
        } else {
            TcpListener::bind((address, number))?.local_addr()
        }
        .map(|bound| bound.port())
    };
    for _ in 0..64 {
        let first = bind(0)
            .map_err(|error| Error::from(error).context(format!("failed to find free port on {address}")))?;
        let Some(last) = first.checked_add(port.range - 1) else { continue };
        let usable = (first..=last).all(|number| !taken.contains(&number))
            && (first.saturating_add(1)..=last).all(|number| bind(number).is_ok());
        if usable {
            taken.extend(first..=last);
            return Ok(first);
        }
    }
    Err(Error::new(ErrorKind::Unavailable, format!("failed to find {} free ports in a row", port.range)))
}

/// Published ports as `80/tcp -> host addresses`, ranges taken apart.
pub(super) fn table(ports: &[PortMapping]) -> BTreeMap<String, Vec<(String, u16)>> {
    let mut table: BTreeMap<String, Vec<(String, u16)>> = BTreeMap::new();
    for port in ports {
        for offset in 0..port.range.max(1) {
            table
                .entry(format!("{}/{}", port.container_port + offset, port.protocol))
                .or_default()
                .push((port.host_ip.clone(), port.host_port + offset));
        }
    }
    table
}
