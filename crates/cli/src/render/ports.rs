//! The ports column of `ps`: published ones, then those that are only exposed, neighbours as ranges.

use std::collections::{BTreeMap, BTreeSet};

use cove_api::{PortMapping, PublishedPort};

/// `0.0.0.0:8080->80/tcp, 443/tcp`.
pub(crate) fn ports(
    published: &[PortMapping],
    exposed: &BTreeMap<u16, Vec<String>>,
) -> cove_api::Result<String> {
    let published = PortMapping::expand_all(published)?;
    let seen: BTreeSet<(&str, u16)> =
        published.iter().map(|port| (port.protocol.as_str(), port.container_port)).collect();
    let mut parts: Vec<String> = PublishedPort::group(&published).iter().map(one).collect();
    let open: BTreeSet<(&str, u16)> = exposed
        .iter()
        .flat_map(|(port, protocols)| protocols.iter().map(|protocol| (protocol.as_str(), *port)))
        .filter(|entry| !seen.contains(entry))
        .collect();
    let open: Vec<(&str, u16)> = open.into_iter().collect();
    let neighbours =
        |one: &(&str, u16), next: &(&str, u16)| one.0 == next.0 && one.1.checked_add(1) == Some(next.1);
    parts.extend(open.chunk_by(neighbours).filter_map(|run| {
        let ((protocol, first), (_, last)) = (run.first()?, run.last()?);
        Some(format!("{}/{protocol}", range(*first, last - first)))
    }));
    Ok(parts.join(", "))
}

/// `0.0.0.0:8000-8001->80-81/tcp`.
fn one(mapping: &PortMapping) -> String {
    let address = match mapping.host_ip.as_str() {
        "" => "0.0.0.0".to_owned(),
        address if address.contains(':') => format!("[{address}]"),
        address => address.to_owned(),
    };
    let more = mapping.range - 1;
    let (host, container) = (range(mapping.host_port, more), range(mapping.container_port, more));
    format!("{address}:{host}->{container}/{}", mapping.protocol)
}

fn range(first: u16, more: u16) -> String {
    if more == 0 { first.to_string() } else { format!("{first}-{}", first.saturating_add(more)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column() {
        let port = |host_ip: &str, host_port, container_port, range| PortMapping {
            host_ip: host_ip.into(),
            host_port,
            container_port,
            range,
            protocol: "tcp".into(),
        };
        let exposed = BTreeMap::from([
            (80, vec!["tcp".to_owned()]),
            (81, vec!["tcp".into()]),
            (82, vec!["tcp".into(), "udp".into()]),
        ]);
        assert_eq!(ports(&[], &BTreeMap::new()).unwrap(), "");
        assert_eq!(
            ports(&[port("", 8080, 80, 1)], &exposed).unwrap(),
            "0.0.0.0:8080->80/tcp, 81-82/tcp, 82/udp"
        );
        assert_eq!(
            ports(&[port("127.0.0.1", 5000, 6000, 3)], &BTreeMap::new()).unwrap(),
            "127.0.0.1:5000-5002->6000-6002/tcp"
        );
        assert_eq!(
            ports(&[port("::1", 81, 91, 1), port("::1", 80, 90, 1)], &BTreeMap::new()).unwrap(),
            "[::1]:80-81->90-91/tcp"
        );
    }
}
