//! Published and exposed ports: `-p`, `--expose`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use cove_api::{PortMapping, Protocol};

use crate::error::{Error, Result, bail};

/// Parses one `-p`: `[[IP:][HOST[-END]]:]CONTAINER[-END][/PROTOCOL]`, an IPv6 address in brackets.
///
/// Host port 0 means that the engine takes a free one.
///
/// # Errors
/// The form, a port, a range, the address or the protocol is wrong.
pub fn publish(text: &str) -> Result<PortMapping> {
    let mut parts = text.split('/');
    let rest = parts.next().unwrap_or_default();
    let protocol = match (parts.next(), parts.next()) {
        (None, _) => String::new(),
        (Some(""), None) => bail!("must provide a non-empty protocol to publish"),
        (Some(protocol), None) => protocols(protocol)?,
        _ => bail!("invalid port format - protocol can only be specified once"),
    };

    let mut host_ip = String::new();
    let (host, container) = if let Some(bracketed) = rest.strip_prefix('[') {
        let Some((ip, after)) = bracketed.split_once(']') else {
            bail!("invalid port format - IPv6 addresses must be enclosed by []");
        };
        let Some(after) = after.strip_prefix(':') else {
            bail!("invalid port format - IPv6 address must be followed by a colon (':')");
        };
        host_ip = address(ip)?;
        let Some((host, container)) = after.split_once(':') else {
            bail!("invalid port format - must provide host and destination port if specifying an IP");
        };
        if container.contains(':') {
            bail!("invalid port format - when v6 address specified, must be [ipv6]:hostPort:ctrPort");
        }
        (Some(host), container)
    } else {
        if rest.contains(']') {
            bail!("invalid port format - IPv6 addresses must be enclosed by []");
        }
        match rest.split(':').collect::<Vec<_>>()[..] {
            [container] => (None, container),
            [host, container] => (Some(host), container),
            [ip, host, container] => {
                host_ip = address(ip)?;
                (Some(host), container)
            }
            _ => bail!("invalid port format - format is [[hostIP:]hostPort:]containerPort"),
        }
    };

    if container.is_empty() {
        bail!("must provide a non-empty container port to publish");
    }
    let (container_port, length) = range(container).map_err(|error| in_part("container", &error))?;
    let host_port = match host {
        None | Some("") => 0,
        Some(host) => {
            let (port, host_length) = range(host).map_err(|error| in_part("host", &error))?;
            if host_length != length {
                bail!("host and container port ranges have different lengths: {host_length} vs {length}");
            }
            port
        }
    };
    Ok(PortMapping { host_ip, container_port, host_port, range: length, protocol })
}

/// Parses all `-p` flags.
///
/// # Errors
/// The first that [`publish`] refuses.
pub fn publish_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<PortMapping>> {
    // An empty word publishes nothing, as with podman: scripts put one where they have no port.
    texts.into_iter().filter(|text| !text.is_empty()).map(publish).collect()
}

/// Parses all `--expose` flags (`PORT[-END][/PROTOCOL]`) into port and protocols.
///
/// # Errors
/// A port, range or protocol is wrong.
pub fn expose<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<BTreeMap<u16, String>> {
    let mut ports: BTreeMap<u16, String> = BTreeMap::new();
    for text in texts {
        let (numbers, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        if protocol.contains('/') {
            bail!("invalid expose format - protocol can only be specified once");
        }
        if protocol.is_empty() {
            bail!("invalid expose format - the protocol of {text:?} is empty");
        }
        let protocol = protocols(protocol)?;
        let (start, length) = range(numbers)
            .map_err(|error| Error::new(format!("invalid range format for --expose: {text}: {error}")))?;
        for offset in 0..length {
            let known = ports.entry(start + offset).or_default();
            for one in protocol.split(',') {
                if !known.split(',').any(|present| present == one) {
                    if !known.is_empty() {
                        known.push(',');
                    }
                    known.push_str(one);
                }
            }
        }
    }
    Ok(ports)
}

fn in_part(part: &str, error: &Error) -> Error {
    Error::new(format!("parsing {part} port: {error}"))
}

/// The protocols of a list, checked, as the wire has them.
fn protocols(text: &str) -> Result<String> {
    let list = Protocol::list(text).map_err(|error| Error::new(error.message))?;
    Ok(list.into_iter().map(Protocol::as_str).collect::<Vec<_>>().join(","))
}

fn address(text: &str) -> Result<String> {
    if text.is_empty() {
        bail!("must provide a non-empty container host IP to publish");
    }
    match text.parse::<IpAddr>() {
        Ok(ip) => Ok(ip.to_string()),
        Err(_) => bail!("cannot parse {text:?} as an IP address"),
    }
}

/// First port and number of ports.
fn range(text: &str) -> Result<(u16, u16)> {
    match text.split('-').collect::<Vec<_>>()[..] {
        ["", ..] => bail!("port numbers cannot be negative"),
        [single] => Ok((port(single)?, 1)),
        [_, ""] => bail!("must provide ending number for port range"),
        [start, end] => {
            let (start, end) = (port(start)?, port(end)?);
            // Docker takes `80-80`; Podman refuses it for no gain.
            if end < start {
                bail!(
                    "the end port of a range must be higher than the start port - {end} is not higher than {start}"
                );
            }
            Ok((start, end - start + 1))
        }
        _ => bail!("invalid port format - port ranges are formatted as startPort-stopPort"),
    }
}

fn port(text: &str) -> Result<u16> {
    let Ok(number) = text.parse::<i64>() else { bail!("invalid port number: {text:?}") };
    match u16::try_from(number) {
        Ok(port) if port > 0 => Ok(port),
        _ => bail!("port numbers must be between 1 and 65535 (inclusive), got {number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published() {
        let check = |text: &str, expected: (&str, u16, u16, u16, &str)| {
            let port = publish(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let found = (
                port.host_ip.as_str(),
                port.host_port,
                port.container_port,
                port.range,
                port.protocol.as_str(),
            );
            assert_eq!(found, expected, "{text}");
        };
        check("80", ("", 0, 80, 1, ""));
        check("8080:80", ("", 8080, 80, 1, ""));
        check(":80", ("", 0, 80, 1, ""));
        check("127.0.0.1:8080:80/udp", ("127.0.0.1", 8080, 80, 1, "udp"));
        check("127.0.0.1::80", ("127.0.0.1", 0, 80, 1, ""));
        check("8000-8009:9000-9009/tcp", ("", 8000, 9000, 10, "tcp"));
        check("9000-9001", ("", 0, 9000, 2, ""));
        check("[::1]:8080:80", ("::1", 8080, 80, 1, ""));
        check("[0:0:0::1]::80/TCP", ("::1", 0, 80, 1, "tcp"));
        check("1-65535:1-65535", ("", 1, 1, 65535, ""));
    }

    #[test]
    fn not_published() {
        for (text, expected) in [
            ("", "non-empty container port"),
            ("8080:", "non-empty container port"),
            ("0:80", "between 1 and 65535"),
            ("80:65536", "between 1 and 65535"),
            ("x:80", "invalid port number"),
            ("80/", "non-empty protocol"),
            ("80/tcp/udp", "only be specified once"),
            ("80/icmp", "unknown port protocol"),
            ("300.1.1.1:1:2", "as an IP address"),
            (":1:2", "non-empty container host IP"),
            ("::1:1:2", "format is"),
            ("[::1:80:80", "enclosed by []"),
            ("[::1]80:80", "followed by a colon"),
            ("[::1]:80", "must provide host and destination port"),
            ("[::1]:1:2:3", "[ipv6]:hostPort:ctrPort"),
            ("80-82:90-91", "different lengths: 3 vs 2"),
            ("80:90-91", "different lengths: 1 vs 2"),
            ("90-80", "higher than the start port"),
            ("80-", "ending number"),
            ("-80", "negative"),
            ("1-2-3", "startPort-stopPort"),
        ] {
            let error = publish(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn exposed() {
        let ports = expose(["80", "80/udp", "80/tcp", "100-102/sctp"]).unwrap();
        assert_eq!(ports[&80], "tcp,udp");
        assert_eq!(ports[&102], "sctp");
        assert_eq!(ports.len(), 4);
        assert!(expose(["x"]).unwrap_err().to_string().contains("invalid range format for --expose: x"));
    }
}
