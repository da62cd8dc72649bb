//! The ports column of `ps`: published ones, then those that are only exposed, neighbours as ranges.

use std::collections::{BTreeMap, BTreeSet};

use cove_api::PortMapping;

/// `0.0.0.0:8080->80/tcp, 443/tcp`.
pub(crate) fn ports(published: &[PortMapping], exposed: &BTreeMap<u16, Vec<String>>) -> String {
    let mut parts = Vec::new();
    let mut seen = BTreeSet::new();
    for port in published {
        let address = match port.host_ip.as_str() {
            "" => "0.0.0.0".to_owned(),
            address if address.contains(':') => format!("[{address}]"),
            address => address.to_owned(),
        };
        let protocol = if port.protocol.is_empty() { "tcp" } else { &port.protocol };
        let more = port.range.saturating_sub(1);
        for offset in 0..=more {
            seen.insert((protocol.to_owned(), port.container_port.saturating_add(offset)));
        }
        parts.push(format!(
            "{address}:{}->{}/{protocol}",
            range(port.host_port, more),
            range(port.container_port, more)
        ));
    }
    let mut open: Vec<(String, u16)> = exposed
        .iter()
        .flat_map(|(port, protocols)| protocols.iter().map(|protocol| (protocol.clone(), *port)))
        .filter(|entry| !seen.contains(entry))
        .collect();
    open.sort();
    open.dedup();
    let mut runs: Vec<(String, u16, u16)> = Vec::new();
    for (protocol, port) in open {
        match runs.last_mut() {
            Some((last, first, more))
                if *last == protocol && u32::from(*first) + u32::from(*more) + 1 == u32::from(port) =>
            {
                *more += 1;
            }
            _ => runs.push((protocol, port, 0)),
        }
    }
    parts
        .extend(runs.into_iter().map(|(protocol, first, more)| format!("{}/{protocol}", range(first, more))));
    parts.join(", ")
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
        assert_eq!(ports(&[], &BTreeMap::new()), "");
        assert_eq!(ports(&[port("", 8080, 80, 1)], &exposed), "0.0.0.0:8080->80/tcp, 81-82/tcp, 82/udp");
        assert_eq!(
            ports(&[port("127.0.0.1", 5000, 6000, 3)], &BTreeMap::new()),
            "127.0.0.1:5000-5002->6000-6002/tcp"
        );
    }
}
