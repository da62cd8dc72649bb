//! Ports as values, and the one place that turns the wire's [`PortMapping`]s (ranges, lists of protocols, addresses
//! as text) into them and back.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// Most single ports of one container: those there are, for each protocol.
pub const PORT_LIMIT: usize = 3 * 65_536;

/// A transport protocol with ports.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// `tcp`, `udp` or `sctp`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }

    /// The protocols of a list such as `tcp,udp`, each once; nothing is `tcp`.
    ///
    /// # Errors
    /// One of them is none.
    pub fn list(text: &str) -> Result<Vec<Self>> {
        if text.is_empty() {
            return Ok(vec![Self::Tcp]);
        }
        let mut protocols = Vec::new();
        for word in text.split(',') {
            let protocol = word.parse()?;
            if !protocols.contains(&protocol) {
                protocols.push(protocol);
            }
        }
        Ok(protocols)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Protocol {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        [Self::Tcp, Self::Udp, Self::Sctp]
            .into_iter()
            .find(|protocol| text.eq_ignore_ascii_case(protocol.as_str()))
            .ok_or_else(|| Error::invalid(format!("unknown port protocol {text:?}: use tcp, udp or sctp")))
    }
}

/// A port of a container. As text, and in JSON: `80/tcp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExposedPort {
    /// The number, not 0.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
}

impl ExposedPort {
    /// The ports of `80`, `80/udp` or `80-82/tcp`, as images expose them; no protocol is `tcp`.
    ///
    /// # Errors
    /// A number or the protocol is wrong.
    pub fn range(text: &str) -> Result<impl Iterator<Item = Self>> {
        let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let protocol: Protocol = protocol.parse()?;
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        match (first.parse::<u16>(), last.parse::<u16>()) {
            (Ok(first), Ok(last)) if first > 0 && first <= last => {
                Ok((first..=last).map(move |port| Self { port, protocol }))
            }
            _ => Err(Error::invalid(format!("{ports:?} is no port or range of ports"))),
        }
    }
}

impl fmt::Display for ExposedPort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.port, self.protocol)
    }
}

impl FromStr for ExposedPort {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let protocol = protocol.parse()?;
        match port.parse() {
            Ok(port) if port > 0 => Ok(Self { port, protocol }),
            _ => Err(Error::invalid(format!("invalid port number: {port:?} is not between 1 and 65535"))),
        }
    }
}

impl Serialize for ExposedPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ExposedPort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One published port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublishedPort {
    /// The address of the host it is published on; `None` is every one.
    pub host_ip: Option<IpAddr>,
    /// On the host; 0 is one that is still to be chosen.
    pub host_port: u16,
    /// In the container, not 0.
    pub container_port: u16,
    /// The protocol.
    pub protocol: Protocol,
}

impl PublishedPort {
    /// The port in the container.
    #[must_use]
    pub fn exposed(&self) -> ExposedPort {
        ExposedPort { port: self.container_port, protocol: self.protocol }
    }

    /// The address that is listened on, the wildcard as `0.0.0.0`. As text IPv6 is in brackets.
    #[must_use]
    pub fn host(&self) -> SocketAddr {
        SocketAddr::new(self.host_ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), self.host_port)
    }

    /// Whether `next` goes on where a run of `length` ports that begins with this one ends.
    fn continues(&self, length: u16, next: &Self) -> bool {
        let follows = |first: u16, second: u16| first.checked_add(length) == Some(second);
        (self.protocol, self.host_ip) == (next.protocol, next.host_ip)
            && follows(self.container_port, next.container_port)
            && match self.host_port {
                0 => next.host_port == 0,
                first => follows(first, next.host_port),
            }
    }

    /// The ports as the wire has them: neighbours joined to ranges, by protocol and port of the host.
    #[must_use]
    pub fn group(ports: &[Self]) -> Vec<PortMapping> {
        let mut sorted = ports.to_vec();
        sorted.sort_by_key(|port| (port.protocol, port.host_ip, port.host_port, port.container_port));
        let mut runs: Vec<(Self, u16)> = Vec::new();
        for port in sorted {
            match runs.last_mut() {
                Some((first, length)) if first.continues(*length, &port) => *length += 1,
                _ => runs.push((port, 1)),
            }
        }
        runs.sort_by_key(|(first, _)| (first.protocol, first.host_port, first.host_ip));
        runs.into_iter().map(|(first, range)| PortMapping { range, ..first.into() }).collect()
    }
}

impl From<PublishedPort> for PortMapping {
    fn from(port: PublishedPort) -> Self {
        Self {
            host_ip: port.host_ip.map_or_else(String::new, |address| address.to_string()),
            container_port: port.container_port,
            host_port: port.host_port,
            range: 1,
            protocol: port.protocol.as_str().to_owned(),
        }
    }
}

/// A published port or a range of them, on the wire. Everything that works with ports uses [`PublishedPort`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PortMapping {
    /// Address to listen on; empty is every one.
    pub host_ip: String,
    /// First port in the container.
    pub container_port: u16,
    /// First port on the host; 0 takes a free one.
    pub host_port: u16,
    /// How many ports; 0 is 1.
    pub range: u16,
    /// `tcp`, `udp`, `sctp`, or several with commas; empty is `tcp`.
    pub protocol: String,
}

impl PortMapping {
    /// The single ports: for each protocol those of the range, in order.
    ///
    /// # Errors
    /// The address or a protocol is none, the port in the container is 0, or a range ends beyond 65535.
    pub fn expand(&self) -> Result<Vec<PublishedPort>> {
        if self.container_port == 0 {
            return Err(Error::invalid("the container's port of a published port must not be 0"));
        }
        let host_ip = self.address()?;
        let range = self.range.max(1);
        for first in [self.container_port, self.host_port] {
            if first.checked_add(range - 1).is_none() {
                return Err(Error::invalid(format!(
                    "the published range of {range} ports from {first} exceeds the highest port, 65535"
                )));
            }
        }
        let mut ports = Vec::new();
        for protocol in Protocol::list(&self.protocol)? {
            ports.extend((0..range).map(|offset| PublishedPort {
                host_ip,
                host_port: if self.host_port == 0 { 0 } else { self.host_port + offset },
                container_port: self.container_port + offset,
                protocol,
            }));
        }
        Ok(ports)
    }

    fn address(&self) -> Result<Option<IpAddr>> {
        if self.host_ip.is_empty() {
            return Ok(None);
        }
        let bare = self.host_ip.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        bare.unwrap_or(&self.host_ip).parse().map(Some).map_err(|_| {
            Error::invalid(format!(
                "the host address {:?} of a published port is no IP address",
                self.host_ip
            ))
        })
    }

    /// The single ports of all of `mappings`.
    ///
    /// # Errors
    /// As [`PortMapping::expand`], or more than [`PORT_LIMIT`].
    pub fn expand_all(mappings: &[Self]) -> Result<Vec<PublishedPort>> {
        let mut ports = Vec::new();
        for mapping in mappings {
            ports.extend(mapping.expand()?);
            if ports.len() > PORT_LIMIT {
                return Err(Error::invalid(format!("more than {PORT_LIMIT} published ports")));
            }
        }
        Ok(ports)
    }
}

/// For `#[serde(with = …)]`: published ports written as the wire's mappings, which keeps records of ranges short.
pub mod port_ranges {
    use super::{Deserialize, Deserializer, PortMapping, PublishedPort, Serialize, Serializer};

    /// Writes the ports as ranges.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(ports: &[PublishedPort], serializer: S) -> Result<S::Ok, S::Error> {
        PublishedPort::group(ports).serialize(serializer)
    }

    /// Reads ranges into single ports.
    ///
    /// # Errors
    /// The deserializer's, or a mapping that is none.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublishedPort>, D::Error> {
        PortMapping::expand_all(&Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(ip: &str, host: u16, container: u16, range: u16, protocol: &str) -> PortMapping {
        PortMapping {
            host_ip: ip.into(),
            host_port: host,
            container_port: container,
            range,
            protocol: protocol.into(),
        }
    }

    #[test]
    fn ranges_and_protocols_are_expanded_and_joined_again() {
        let given = [
            mapping("", 8000, 80, 2, "tcp,UDP,tcp"),
            mapping("[::1]", 0, 5, 0, ""),
            mapping("", 1, 1, 65535, "sctp"),
        ];
        let all = PortMapping::expand_all(&given).unwrap();
        assert_eq!(all.len(), 2 * 2 + 1 + 65535);
        assert_eq!((all[1].host_port, all[1].container_port, all[1].protocol), (8001, 81, Protocol::Tcp));
        assert_eq!(
            (all[4].host().to_string(), all[0].host().to_string()),
            ("[::1]:0".into(), "0.0.0.0:8000".into())
        );
        assert_eq!(
            PublishedPort::group(&all),
            [
                mapping("::1", 0, 5, 1, "tcp"),
                mapping("", 8000, 80, 2, "tcp"),
                mapping("", 8000, 80, 2, "udp"),
                mapping("", 1, 1, 65535, "sctp"),
            ]
        );
    }

    #[test]
    fn wrong_mappings_are_refused() {
        for (bad, why) in [
            (mapping("", 1, 0, 1, ""), "must not be 0"),
            (mapping("", 65535, 1, 2, ""), "exceeds"),
            (mapping("", 1, 65535, 2, ""), "exceeds"),
            (mapping("", 0, 2, 65535, ""), "exceeds"),
            (mapping("x", 1, 1, 1, ""), "no IP address"),
            (mapping("", 1, 1, 1, "icmp"), "icmp"),
            (mapping("", 1, 1, 1, "tcp,"), "unknown port protocol"),
        ] {
            let error = bad.expand().unwrap_err();
            assert!(error.message.contains(why), "{bad:?}: {error}");
        }
        let most = vec![mapping("", 1, 1, 65535, "tcp"); 4];
        assert!(PortMapping::expand_all(&most).unwrap_err().message.contains("more than"));
    }

    #[test]
    fn only_neighbours_are_joined() {
        let port = |host, container| mapping("", host, container, 1, "tcp").expand().unwrap()[0];
        let ports = [port(81, 91), port(80, 90), port(83, 92), port(0, 5), port(0, 6), port(0, 8)];
        let short: Vec<_> = PublishedPort::group(&ports)
            .into_iter()
            .map(|found| (found.host_port, found.container_port, found.range))
            .collect();
        assert_eq!(short, [(0, 5, 2), (0, 8, 1), (80, 90, 2), (83, 92, 1)]);
        assert_eq!(PublishedPort::group(&[port(65535, 65535)])[0].range, 1);
    }

    #[test]
    fn exposed_ports_are_text() {
        let port: ExposedPort = "53/UDP".parse().unwrap();
        assert_eq!(port, ExposedPort { port: 53, protocol: Protocol::Udp });
        assert_eq!(serde_json::to_string(&port).unwrap(), r#""53/udp""#);
        assert_eq!("80".parse::<ExposedPort>().unwrap().to_string(), "80/tcp");
        assert_eq!(ExposedPort::range("80-82").unwrap().count(), 3);
        for bad in ["", "0", "65536/tcp", "80/", "80/icmp", "x/tcp", "-1"] {
            assert!(bad.parse::<ExposedPort>().is_err(), "{bad}");
        }
        for bad in ["82-80", "0-1", "1-", "1-65536", "1-2-3"] {
            assert!(ExposedPort::range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn records_keep_ranges() {
        #[derive(Serialize, Deserialize)]
        struct Record {
            #[serde(with = "port_ranges")]
            ports: Vec<PublishedPort>,
        }
        let text =
            r#"{"ports":[{"host_ip":"","container_port":80,"host_port":8000,"range":3,"protocol":"tcp"}]}"#;
        let record: Record = serde_json::from_str(text).unwrap();
        assert_eq!(record.ports.len(), 3);
        assert_eq!(serde_json::to_string(&record).unwrap(), text);
    }
}
