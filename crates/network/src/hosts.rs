//! The `/etc/hosts` of a container.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::error::{Error, Result};

/// Names of the host, as podman and docker call it.
const HOST_NAMES: [&str; 2] = ["host.containers.internal", "host.docker.internal"];

/// What [`hosts_file`] builds from.
#[derive(Debug, Clone, Default)]
pub struct HostsOptions {
    /// Text of the base file (containers.conf `base_hosts_file`): the host's, the image's, or empty.
    pub base: String,
    /// `--add-host`: `NAME:ADDRESS` or `NAME;NAME:ADDRESS`; the address `host-gateway` is [`Self::host`].
    pub extra: Vec<String>,
    /// Address under which the container reaches the host.
    pub host: Option<IpAddr>,
    /// The container's own addresses with its names.
    pub own: Vec<(IpAddr, Vec<String>)>,
}

/// One parsed line.
type Entry = (String, Vec<String>);

fn parse_line(line: &str) -> Option<Entry> {
    let mut words = line.split('#').next()?.split_ascii_whitespace();
    let address = words.next()?.to_owned();
    let names: Vec<String> = words.map(str::to_owned).collect();
    (!names.is_empty()).then_some((address, names))
}

/// Splits one `--add-host` value.
fn parse_extra(text: &str, host: Option<IpAddr>) -> Result<Entry> {
    let invalid = || Error::Invalid(format!("unable to parse host entry {text:?}: incorrect format"));
    let (names, address) = text.split_once(':').ok_or_else(invalid)?;
    if names.is_empty() || address.is_empty() {
        return Err(Error::Invalid(format!("hostname or IP address in host entry {text:?} is empty")));
    }
    let names: Vec<String> = names.split(';').map(str::to_owned).collect();
    if names.iter().any(|name| name.is_empty() || name.chars().any(|c| c.is_whitespace() || c == '#')) {
        return Err(invalid());
    }
    let address = if address == "host-gateway" {
        let host = host.ok_or_else(|| {
            Error::Invalid(format!("unable to replace \"host-gateway\" of host entry {text:?}: host containers internal IP address is empty"))
        })?;
        host.to_string()
    } else {
        let bare = address.trim_start_matches('[').trim_end_matches(']');
        bare.parse::<IpAddr>()
            .map_err(|_| Error::Invalid(format!("invalid IP address in add-host: {text:?}")))?
            .to_string()
    };
    Ok((address, names))
}

/// The text of the container's `/etc/hosts`: the user's entries, the base's, and those of podman that no earlier
/// line names.
///
/// # Errors
/// An `--add-host` value that does not parse.
pub fn hosts_file(options: &HostsOptions) -> Result<String> {
    let mut entries = Vec::new();
    for text in &options.extra {
        entries.push(parse_extra(text, options.host)?);
    }
    entries.extend(options.base.lines().filter_map(parse_line));
    let named: BTreeSet<String> = entries.iter().flat_map(|(_, names)| names.iter().cloned()).collect();
    let mut added: Vec<Entry> =
        vec![("127.0.0.1".into(), vec!["localhost".into()]), ("::1".into(), vec!["localhost".into()])];
    if let Some(host) = options.host {
        added.push((host.to_string(), HOST_NAMES.map(str::to_owned).to_vec()));
    }
    added.extend(options.own.iter().map(|(address, names)| (address.to_string(), names.clone())));
    for (address, mut names) in added {
        names.retain(|name| !named.contains(name));
        if !names.is_empty() {
            entries.push((address, names));
        }
    }
    Ok(entries.into_iter().map(|(address, names)| format!("{address}\t{}\n", names.join(" "))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_in_podmans_order() {
        let options = HostsOptions {
            base: "127.0.0.1 localhost # own\n\n10.1.1.1 nas\n".into(),
            extra: vec!["db;db2:10.0.0.9".into(), "gate:host-gateway".into(), "six:[fd00::1]".into()],
            host: Some("10.88.0.1".parse().unwrap()),
            own: vec![("10.88.0.2".parse().unwrap(), vec!["abc".into(), "web".into()])],
        };
        assert_eq!(
            hosts_file(&options).unwrap(),
            "10.0.0.9\tdb db2\n10.88.0.1\tgate\nfd00::1\tsix\n127.0.0.1\tlocalhost\n10.1.1.1\tnas\n\
             10.88.0.1\thost.containers.internal host.docker.internal\n10.88.0.2\tabc web\n"
        );
        let plain = hosts_file(&HostsOptions::default()).unwrap();
        assert_eq!(plain, "127.0.0.1\tlocalhost\n::1\tlocalhost\n");
    }

    #[test]
    fn malformed_entries_are_refused() {
        for text in
            ["a", ":1.1.1.1", "a:", "a:host-gateway", "a:1.1.1", "a b:1.1.1.1", "a\n9.9.9.9 b:1.1.1.1"]
        {
            let options = HostsOptions { extra: vec![text.into()], ..HostsOptions::default() };
            assert!(hosts_file(&options).is_err(), "{text}");
        }
    }
}
