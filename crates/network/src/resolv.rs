//! The `resolv.conf` of a container, built from the host's, the networks' and what its user asked for.

use std::net::IpAddr;

/// Where `systemd-resolved` writes the servers behind its stub; the caller reads it when
/// [`needs_resolved`] says so.
pub const RESOLVED_CONF: &str = "/run/systemd/resolve/resolv.conf";

/// Servers used where the host has none that a container could reach, as podman and docker do.
const PUBLIC_SERVERS: [&str; 2] = ["8.8.8.8", "8.8.4.4"];
const PUBLIC_SERVERS_V6: [&str; 2] = ["2001:4860:4860::8888", "2001:4860:4860::8844"];

/// A parsed resolv.conf(5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResolvConf {
    /// Servers in order.
    pub servers: Vec<String>,
    /// Search domains of the last `search` or `domain` line.
    pub search: Vec<String>,
    /// Options of the last `options` line.
    pub options: Vec<String>,
}

impl ResolvConf {
    /// Reads what it understands and passes over the rest.
    pub fn parse(text: &str) -> Self {
        let mut parsed = Self::default();
        for line in text.lines() {
            let line = line.split(['#', ';']).next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            let keyword = words.next();
            let rest = words.map(str::to_owned);
            match keyword {
                Some("nameserver") => parsed.servers.extend(rest.take(1).filter(|server| is_server(server))),
                Some("search" | "domain") => parsed.search = rest.collect(),
                Some("options") => parsed.options = rest.collect(),
                _ => {}
            }
        }
        parsed
    }
}

fn is_server(text: &str) -> bool {
    text.split('%').next().is_some_and(|address| address.parse::<IpAddr>().is_ok())
}

/// Whether the host's file only names the stub of `systemd-resolved`, so that [`RESOLVED_CONF`] is to be read.
pub fn needs_resolved(host: &str) -> bool {
    let servers = ResolvConf::parse(host).servers;
    !servers.is_empty() && servers.iter().all(|server| matches!(server.as_str(), "127.0.0.53" | "127.0.0.54"))
}

/// What [`resolv_conf`] builds from.
#[derive(Debug, Clone, Default)]
pub struct ResolvOptions {
    /// The host's file, or [`RESOLVED_CONF`] where [`needs_resolved`] says so.
    pub host: String,
    /// The container has a network namespace of its own: the host's loopback servers are not its own.
    pub namespaced: bool,
    /// The container has an IPv6 address.
    pub ipv6: bool,
    /// Servers of its networks (aardvark-dns, or the address pasta forwards from); they come first.
    pub network_servers: Vec<String>,
    /// The network servers also ask the user's and the host's, so that no others are named.
    pub network_only: bool,
    /// Search domains of its networks.
    pub network_search: Vec<String>,
    /// `--dns`; replaces the host's.
    pub servers: Vec<String>,
    /// `--dns-search`; replaces the host's, `.` means none.
    pub search: Vec<String>,
    /// `--dns-option`; replaces the host's.
    pub options: Vec<String>,
}

/// The text of the container's `resolv.conf`.
pub fn resolv_conf(options: &ResolvOptions) -> String {
    let host = ResolvConf::parse(&options.host);
    let mut servers = options.network_servers.clone();
    if !options.network_only || servers.is_empty() {
        if options.servers.is_empty() {
            servers.extend(host.servers.iter().filter(|server| usable(server, options)).cloned());
        } else {
            servers.extend(options.servers.iter().cloned());
        }
    }
    if servers.is_empty() && options.namespaced {
        servers.extend(PUBLIC_SERVERS.map(str::to_owned));
        if options.ipv6 {
            servers.extend(PUBLIC_SERVERS_V6.map(str::to_owned));
        }
    }
    let search = if options.search.is_empty() {
        let mut search = options.network_search.clone();
        search.extend(host.search);
        search
    } else {
        options.search.clone()
    };
    let resolver_options = if options.options.is_empty() { host.options } else { options.options.clone() };
    let mut text = String::new();
    if !search.is_empty() && search != ["."] {
        text.push_str(&format!("search {}\n", search.join(" ")));
    }
    for server in servers {
        text.push_str(&format!("nameserver {server}\n"));
    }
    if !resolver_options.is_empty() {
        text.push_str(&format!("options {}\n", resolver_options.join(" ")));
    }
    text
}

/// Whether a server of the host can be reached from the container.
fn usable(server: &str, options: &ResolvOptions) -> bool {
    if !options.namespaced {
        return true;
    }
    match server.parse::<IpAddr>() {
        Ok(address) => !address.is_loopback() && (address.is_ipv4() || options.ipv6),
        // With a zone, whose name means nothing in the container.
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "# comment\nnameserver 127.0.0.53\nnameserver 10.0.0.2 # office\nnameserver fe80::1%eth0\n\
                        nameserver fd00::2\nnameserver bogus\nsearch a.example b.example\noptions ndots:2\n";

    #[test]
    fn servers_that_cannot_be_reached_are_left_out() {
        let options = ResolvOptions { host: HOST.into(), namespaced: true, ..ResolvOptions::default() };
        assert_eq!(
            resolv_conf(&options),
            "search a.example b.example\nnameserver 10.0.0.2\noptions ndots:2\n"
        );
        assert!(resolv_conf(&ResolvOptions { ipv6: true, ..options.clone() }).contains("fd00::2"));
        assert!(resolv_conf(&ResolvOptions { namespaced: false, ..options }).contains("127.0.0.53"));
        let none = ResolvOptions { namespaced: true, ..ResolvOptions::default() };
        assert_eq!(resolv_conf(&none), "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
        assert!(needs_resolved("nameserver 127.0.0.53\n") && !needs_resolved(HOST) && !needs_resolved(""));
    }

    #[test]
    fn the_user_and_the_networks_come_before_the_host() {
        let options = ResolvOptions {
            host: HOST.into(),
            namespaced: true,
            network_servers: vec!["10.89.0.1".into()],
            network_only: true,
            network_search: vec!["dns.podman".into()],
            servers: vec!["1.1.1.1".into()],
            options: vec!["edns0".into()],
            ..ResolvOptions::default()
        };
        let text = resolv_conf(&options);
        assert_eq!(text, "search dns.podman a.example b.example\nnameserver 10.89.0.1\noptions edns0\n");
        let text = resolv_conf(&ResolvOptions { network_only: false, search: vec![".".into()], ..options });
        assert_eq!(text, "nameserver 10.89.0.1\nnameserver 1.1.1.1\noptions edns0\n");
    }
}
