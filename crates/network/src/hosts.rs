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

/// The text of the `/etc/hosts` of a container that runs, after its own addresses have changed from `before` to
/// `after`; `names` are its own. Lines of others stay, and where its user has taken its own lines out, none comes
/// back.
pub fn moved_hosts(text: &str, names: &[String], before: &[IpAddr], after: &[IpAddr]) -> String {
    let own = |line: &str| -> Option<IpAddr> {
        let (address, entry) = parse_line(line)?;
        let address = address.parse().ok().filter(|address| before.contains(address))?;
        entry.iter().any(|name| names.contains(name)).then_some(address)
    };
    let is_managed = before.is_empty() || text.lines().any(|line| own(line).is_some());
    let mut moved: String = text
        .lines()
        .filter(|line| own(line).is_none_or(|address| after.contains(&address)))
        .flat_map(|line| [line, "\n"])
        .collect();
    for address in after.iter().filter(|address| is_managed && !before.contains(address)) {
        moved.push_str(&format!("{address}\t{}\n", names.join(" ")));
    }
    moved
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
    fn own_lines_follow_the_networks() {
        let names = ["abc".to_owned(), "web".to_owned()];
        let [old, kept, new] = ["10.89.0.2", "10.89.1.2", "10.89.2.2"].map(|text| text.parse().unwrap());
        let text = "10.89.0.2\tabc web\n10.89.1.2\tabc web\n10.89.0.2 other # theirs\n1.1.1.1 abc\n";
        assert_eq!(
            moved_hosts(text, &names, &[old, kept], &[kept, new]),
            "10.89.1.2\tabc web\n10.89.0.2 other # theirs\n1.1.1.1 abc\n10.89.2.2\tabc web\n"
        );
        assert_eq!(moved_hosts("1.1.1.1 a\n", &names, &[old], &[old, new]), "1.1.1.1 a\n");
        assert_eq!(moved_hosts("1.1.1.1 a", &names, &[], &[new]), "1.1.1.1 a\n10.89.2.2\tabc web\n");
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
