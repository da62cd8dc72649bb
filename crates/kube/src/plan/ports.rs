//! Published ports of a pod.

use cove_api::{KubePlayOptions, PortMapping};
use cove_spec::port;

use crate::error::{Result, bail};
use crate::objects::{Container, Port};

/// Those that the options publish, then those of the file that the options say nothing of.
pub(super) fn of_pod(containers: &[Container], options: &KubePlayOptions) -> Result<Vec<PortMapping>> {
    let mut ports = port::publish_all(options.publish_ports.iter().map(String::as_str))?;
    let given = ports.len();
    for written in containers.iter().flat_map(|container| &container.ports) {
        let Some(mapping) = mapping(written, options.publish_all_ports)? else { continue };
        if !ports[..given].iter().any(|known| covers(known, &mapping)) {
            ports.push(mapping);
        }
    }
    Ok(ports)
}

/// The port as it is published; none where nothing of the host is asked for.
fn mapping(port: &Port, publish_all: bool) -> Result<Option<PortMapping>> {
    let number = |number: i64, what: &str| match u16::try_from(number) {
        Ok(number) => Ok(number),
        Err(_) => bail!("{what} {number} is no port"),
    };
    let mut host = number(port.host_port, "hostPort")?;
    let mut container = number(port.container_port, "containerPort")?;
    if container == 0 {
        container = host;
    }
    if host == 0 && publish_all {
        host = container;
    }
    if host == 0 {
        return Ok(None);
    }
    let protocol = if port.protocol.is_empty() { "tcp".into() } else { port.protocol.to_ascii_lowercase() };
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        bail!("unknown protocol {:?} of a port", port.protocol);
    }
    let host_ip = port.host_ip.clone();
    let mapping = PortMapping { host_ip, container_port: container, host_port: host, range: 1, protocol };
    mapping.expand()?;
    Ok(Some(mapping))
}

/// Whether an option says what becomes of the port.
fn covers(option: &PortMapping, port: &PortMapping) -> bool {
    let end = u32::from(option.container_port) + u32::from(option.range.max(1));
    let protocols = if option.protocol.is_empty() { "tcp" } else { &option.protocol };
    port.container_port >= option.container_port
        && u32::from(port.container_port) < end
        && protocols.split(',').any(|protocol| protocol.eq_ignore_ascii_case(&port.protocol))
}
