//! The firewall: one nftables table `inet cove` with maps, changed in single transactions of `nft`.
//!
//! - `egress4`/`egress6`: subnet -> the network's chain, which masquerades what leaves it.
//! - `publish4`/`publish6` (host address, protocol, port) and `publish4_any`/`publish6_any` (protocol, port) ->
//!   address and port of the container.
//! - `local4`/`local6`: container ports published on loopback addresses only; nothing from outside is forwarded
//!   to them, not even by a route through this host.
//! - `forward_in`, `forward_out`: bridge -> chain with the drop rules of internal and isolated networks.
//!
//! Packets for 127.0.0.0/8 that come in on another device are dropped before translation, because bridges
//! have `route_localnet` set so that ports published on loopback are reachable from this host.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use cove_api::{Network, Protocol, PublishedPort};
use cove_sys::lock::FileLock;
use cove_sys::process::{RunOptions, run};
use cove_sys::program;

use crate::error::{Error, Result};
use crate::netfilter::{NftFamily, nft_chain_exists};
use crate::record::Record;
use crate::settings::{Driver, Isolation, Settings, has_own_bridge};

const TABLE: &str = "cove";

/// The firewall of the calling thread's network namespace.
#[derive(Debug)]
pub(crate) struct Firewall<'a> {
    /// Serialises changes between processes.
    pub(crate) lock: &'a Path,
    /// Folders searched for `nft`.
    pub(crate) folders: &'a [PathBuf],
}

/// What one element of the publish maps says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Element {
    map: &'static str,
    key: String,
    value: Option<String>,
}

impl Firewall<'_> {
    /// Makes the rules of `record`'s networks and published ports exist. `all` gives every record, for a repair.
    pub(crate) fn add(&self, record: &Record, all: &dyn Fn() -> Result<Vec<Record>>) -> Result<()> {
        let mut script = String::new();
        let mut fresh = Vec::new();
        for entry in record.networks.values() {
            if has_own_bridge(&entry.network) && !self.chain_exists(&chain_name(&entry.network))? {
                fresh.push(&entry.network);
            }
        }
        let elements = elements(record);
        if fresh.is_empty() && elements.is_empty() {
            return Ok(());
        }
        let lock = self.take_lock()?;
        if !fresh.is_empty() || !self.chain_exists("publish")? {
            chains(&mut script, fresh.iter().copied());
            script.push_str(BASE);
        }
        for network in &fresh {
            network_rules(&mut script, network)?;
        }
        for element in &elements {
            element.add(&mut script);
        }
        if self.nft(&script).is_err() {
            // Something stale is in the way, or the table was changed by others.
            self.rebuild_locked(&with(all()?, record))?;
        }
        for network in fresh {
            self.accept_forward(&network.network_interface)?;
        }
        drop(lock);
        forget_flows(record);
        Ok(())
    }

    /// Takes `record`'s published ports out.
    pub(crate) fn remove(&self, record: &Record, all: &dyn Fn() -> Result<Vec<Record>>) -> Result<()> {
        let elements = elements(record);
        if elements.is_empty() || !self.chain_exists("publish")? {
            return Ok(());
        }
        let _lock = self.take_lock()?;
        let mut script = String::new();
        for element in &elements {
            let _ = writeln!(script, "delete element inet {TABLE} {} {{ {} }}", element.map, element.key);
        }
        if self.nft(&script).is_err() {
            let others =
                all()?.into_iter().filter(|other| other.holder() != record.holder()).collect::<Vec<_>>();
            self.rebuild_locked(&others)?;
        }
        forget_flows(record);
        Ok(())
    }

    /// Replaces the whole table by what `records` need.
    pub(crate) fn rebuild(&self, records: &[Record]) -> Result<()> {
        let _lock = self.take_lock()?;
        if records.is_empty() && !self.chain_exists("publish")? {
            return Ok(());
        }
        self.rebuild_locked(records)?;
        for network in networks(records).values() {
            self.accept_forward(&network.network_interface)?;
        }
        Ok(())
    }

    fn rebuild_locked(&self, records: &[Record]) -> Result<()> {
        self.nft(&table(records)?)
    }

    /// Removes a network's rules where they exist; `records` are what stays.
    pub(crate) fn remove_network(&self, network: &Network, records: &[Record]) -> Result<()> {
        if !has_own_bridge(network) || !self.chain_exists(&chain_name(network))? {
            return Ok(());
        }
        let _lock = self.take_lock()?;
        self.rebuild_locked(records)?;
        self.forget_forward(&network.network_interface)
    }

    fn take_lock(&self) -> Result<FileLock> {
        FileLock::exclusive(self.lock).map_err(|error| Error::file("locking", self.lock, error))
    }

    fn chain_exists(&self, chain: &str) -> Result<bool> {
        nft_chain_exists(NftFamily::Inet, TABLE, chain)
            .map_err(|error| Error::kernel("asking nftables for the table inet cove", error))
    }

    fn nft(&self, script: &str) -> Result<()> {
        self.nft_output(&["-f", "-"], script).map(drop)
    }

    fn nft_output(&self, arguments: &[&str], script: &str) -> Result<String> {
        let program = crate::store::program(&program::NFT, self.folders)?;
        let options = RunOptions { stdin: script.as_bytes().to_vec(), ..RunOptions::default() };
        let failed = |message: String| Error::Program { program: "nft".into(), message };
        let output = run(Command::new(program.path()).args(arguments), &options)
            .map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(failed(program.explain(&output.message())))
        }
    }

    /// An accept in our own chain does not overrule the drop policy of another one (docker and firewalls set it
    /// in `ip filter FORWARD`), so the bridge is accepted there too.
    fn accept_forward(&self, bridge: &str) -> Result<()> {
        for (family, word) in [(NftFamily::Ip, "ip"), (NftFamily::Ip6, "ip6")] {
            if !nft_chain_exists(family, "filter", "FORWARD").unwrap_or(false) {
                continue;
            }
            let listing = self.nft_output(&["list", "chain", word, "filter", "FORWARD"], "")?;
            if !listing.contains("policy drop") || listing.contains(&format!("\"cove:{bridge}\"")) {
                continue;
            }
            let mut script = String::new();
            for direction in ["iifname", "oifname"] {
                let _ = writeln!(
                    script,
                    "insert rule {word} filter FORWARD {direction} \"{bridge}\" counter accept comment \"cove:{bridge}\""
                );
            }
            self.nft(&script)?;
        }
        Ok(())
    }

    fn forget_forward(&self, bridge: &str) -> Result<()> {
        for (family, word) in [(NftFamily::Ip, "ip"), (NftFamily::Ip6, "ip6")] {
            if !nft_chain_exists(family, "filter", "FORWARD").unwrap_or(false) {
                continue;
            }
            let listing = self.nft_output(&["-a", "list", "chain", word, "filter", "FORWARD"], "")?;
            let mut script = String::new();
            for line in listing.lines().filter(|line| line.contains(&format!("\"cove:{bridge}\""))) {
                if let Some((_, handle)) = line.rsplit_once("# handle ") {
                    let _ = writeln!(script, "delete rule {word} filter FORWARD handle {}", handle.trim());
                }
            }
            if !script.is_empty() {
                self.nft(&script)?;
            }
        }
        Ok(())
    }
}

/// Without it, flows only heal later: no reason to fail.
fn forget_flows(record: &Record) {
    let ports = record
        .ports
        .iter()
        .filter(|port| port.protocol == Protocol::Udp)
        .map(|port| port.host_port)
        .collect();
    if let Err(error) = crate::netfilter::forget_udp(&ports) {
        tracing::debug!("forgetting tracked UDP flows: {error}");
    }
}

fn with(mut records: Vec<Record>, record: &Record) -> Vec<Record> {
    records.retain(|other| other.holder() != record.holder());
    records.push(record.clone());
    records
}

fn networks(records: &[Record]) -> BTreeMap<String, &Network> {
    records
        .iter()
        .flat_map(|record| record.networks.values())
        .filter(|entry| has_own_bridge(&entry.network))
        .map(|entry| (entry.network.id.clone(), &entry.network))
        .collect()
}

fn chain_name(network: &Network) -> String {
    format!("net_{}", network.id.get(..16).unwrap_or("0"))
}

/// Creating what exists is no error in nftables, and flushing the static chains keeps their rules single.
const BASE: &str = r#"
add table inet cove
add map inet cove egress4 { type ipv4_addr : verdict; flags interval; }
add map inet cove egress6 { type ipv6_addr : verdict; flags interval; }
add map inet cove forward_in { type ifname : verdict; }
add map inet cove forward_out { type ifname : verdict; }
add set inet cove bridges { type ifname; }
add set inet cove isolated { type ifname; }
add map inet cove publish4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
add map inet cove publish6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
add map inet cove publish4_any { type inet_proto . inet_service : ipv4_addr . inet_service; }
add map inet cove publish6_any { type inet_proto . inet_service : ipv6_addr . inet_service; }
add set inet cove local4 { type ipv4_addr . inet_proto . inet_service; }
add set inet cove local6 { type ipv6_addr . inet_proto . inet_service; }
add chain inet cove early { type filter hook prerouting priority raw; policy accept; }
add chain inet cove prerouting { type nat hook prerouting priority dstnat; policy accept; }
add chain inet cove output { type nat hook output priority -100; policy accept; }
add chain inet cove postrouting { type nat hook postrouting priority srcnat; policy accept; }
add chain inet cove forward { type filter hook forward priority filter; policy accept; }
add chain inet cove publish
flush chain inet cove early
flush chain inet cove prerouting
flush chain inet cove output
flush chain inet cove postrouting
flush chain inet cove forward
flush chain inet cove publish
add rule inet cove early iifname != "lo" ip daddr 127.0.0.0/8 drop
add rule inet cove prerouting fib daddr type local jump publish
add rule inet cove output fib daddr type local jump publish
add rule inet cove publish meta nfproto ipv4 meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport map @publish4
add rule inet cove publish meta nfproto ipv4 meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . th dport map @publish4_any
add rule inet cove publish meta nfproto ipv6 meta l4proto { tcp, udp, sctp } ip6 daddr != ::1 dnat ip6 to ip6 daddr . meta l4proto . th dport map @publish6
add rule inet cove publish meta nfproto ipv6 meta l4proto { tcp, udp, sctp } ip6 daddr != ::1 dnat ip6 to meta l4proto . th dport map @publish6_any
add rule inet cove postrouting ip saddr 127.0.0.0/8 ct status dnat masquerade
add rule inet cove postrouting meta nfproto ipv4 ip saddr vmap @egress4
add rule inet cove postrouting meta nfproto ipv6 ip6 saddr vmap @egress6
add rule inet cove forward ct state established,related accept
add rule inet cove forward iifname vmap @forward_in
add rule inet cove forward oifname vmap @forward_out
add rule inet cove forward iifname != @bridges ct status dnat accept
add rule inet cove forward iifname != @bridges ip daddr . meta l4proto . th dport @local4 drop
add rule inet cove forward iifname != @bridges ip6 daddr . meta l4proto . th dport @local6 drop
"#;

/// The chains of networks. They come first: `nft` sends a map's elements with the map, and they name chains.
fn chains<'a>(script: &mut String, networks: impl Iterator<Item = &'a Network>) {
    let _ = writeln!(script, "add table inet {TABLE}");
    for network in networks {
        let chain = chain_name(network);
        for suffix in ["", "_in", "_out"] {
            let _ = writeln!(script, "add chain inet {TABLE} {chain}{suffix}");
            let _ = writeln!(script, "flush chain inet {TABLE} {chain}{suffix}");
        }
    }
}

fn network_rules(script: &mut String, network: &Network) -> Result<()> {
    let settings = Settings::parse(network)?;
    if settings.driver != (Driver::Bridge { managed: true }) {
        return Ok(());
    }
    let bridge = &network.network_interface;
    let chain = chain_name(network);
    let mut line = |text: String| {
        script.push_str(&text);
        script.push('\n');
    };
    line(format!("add element inet {TABLE} bridges {{ \"{bridge}\" }}"));
    // Back into the same network through a published port: the answer must come back this way too.
    line(format!("add rule inet {TABLE} {chain} oifname \"{bridge}\" ct status dnat masquerade"));
    line(format!("add rule inet {TABLE} {chain} oifname \"{bridge}\" return"));
    line(format!("add rule inet {TABLE} {chain} ip daddr 224.0.0.0/4 return"));
    line(format!("add rule inet {TABLE} {chain} ip6 daddr ff00::/8 return"));
    if !network.internal {
        line(format!("add rule inet {TABLE} {chain} masquerade"));
    }
    for subnet in &settings.subnets {
        let map = if subnet.subnet.is_ipv4() { "egress4" } else { "egress6" };
        line(format!("add element inet {TABLE} {map} {{ {} : jump {chain} }}", subnet.subnet));
    }
    let forward = format!("{chain}_in");
    let mut drops = Vec::new();
    if network.internal {
        drops.push(format!("oifname != \"{bridge}\" drop"));
    }
    match settings.isolation {
        Isolation::None => {}
        Isolation::Isolated => drops.push(format!("oifname != \"{bridge}\" oifname @isolated drop")),
        Isolation::Strict => drops.push(format!("oifname != \"{bridge}\" oifname @bridges drop")),
    }
    if settings.isolation != Isolation::None {
        line(format!("add element inet {TABLE} isolated {{ \"{bridge}\" }}"));
    }
    if !drops.is_empty() {
        for drop in drops {
            line(format!("add rule inet {TABLE} {forward} {drop}"));
        }
        line(format!("add element inet {TABLE} forward_in {{ \"{bridge}\" : jump {forward} }}"));
    }
    if network.internal {
        line(format!("add rule inet {TABLE} {chain}_out iifname != \"{bridge}\" drop"));
        line(format!("add element inet {TABLE} forward_out {{ \"{bridge}\" : jump {chain}_out }}"));
    }
    Ok(())
}

/// The whole table as one transaction.
fn table(records: &[Record]) -> Result<String> {
    let mut script = format!("add table inet {TABLE}\ndelete table inet {TABLE}\n");
    chains(&mut script, networks(records).into_values());
    script.push_str(BASE);
    for network in networks(records).values() {
        network_rules(&mut script, network)?;
    }
    let mut seen = std::collections::BTreeSet::new();
    for record in records {
        for element in elements(record) {
            if seen.insert((element.map, element.key.clone())) {
                element.add(&mut script);
            }
        }
    }
    Ok(script)
}

impl Element {
    fn add(&self, script: &mut String) {
        let value = self.value.as_ref().map(|value| format!(" : {value}")).unwrap_or_default();
        let _ = writeln!(script, "add element inet {TABLE} {} {{ {}{value} }}", self.map, self.key);
    }
}

fn elements(record: &Record) -> Vec<Element> {
    let mut found = std::collections::BTreeSet::new();
    for port in &record.ports {
        for ipv4 in [true, false] {
            if let Some(target) = record.target(ipv4) {
                port_elements(port, target, &mut found);
            }
        }
    }
    found.into_iter().collect()
}

/// The elements for one port to the container's address `target`.
fn port_elements(port: &PublishedPort, target: IpAddr, found: &mut std::collections::BTreeSet<Element>) {
    let ipv4 = target.is_ipv4();
    let value = Some(format!("{target} . {}", port.container_port));
    let tail = format!("{} . {}", port.protocol, port.host_port);
    match port.host_ip {
        Some(host) if host.is_ipv4() != ipv4 => {}
        Some(host) if !host.is_unspecified() => {
            let map = if ipv4 { "publish4" } else { "publish6" };
            found.insert(Element { map, key: format!("{host} . {tail}"), value });
            if host.is_loopback() {
                let map = if ipv4 { "local4" } else { "local6" };
                let key = format!("{target} . {} . {}", port.protocol, port.container_port);
                found.insert(Element { map, key, value: None });
            }
        }
        _ => {
            let map = if ipv4 { "publish4_any" } else { "publish6_any" };
            found.insert(Element { map, key: tail, value });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(ports: &[(&str, u16, u16, &str)]) -> Record {
        let network = serde_json::json!({
            "network": {"name": "n", "id": "00112233445566778899", "driver": "bridge", "network_interface": "podman1",
                "subnets": [{"subnet": "10.89.0.0/24"}]},
            "interface": "eth0", "host_device": "veth0", "addresses": ["10.89.0.5"], "status": {}
        });
        let mut record = Record::new("o", "c", "name", Path::new("/run/netns/c"));
        record.networks.insert("n".into(), serde_json::from_value(network).unwrap());
        record.ports = ports
            .iter()
            .map(|(ip, host, container, protocol)| PublishedPort {
                host_ip: ip.parse().ok(),
                host_port: *host,
                container_port: *container,
                protocol: protocol.parse().unwrap(),
            })
            .collect();
        record
    }

    #[test]
    fn published_ports_become_elements() {
        let record = record(&[("", 8080, 80, "tcp"), ("127.0.0.1", 53, 5353, "udp"), ("::1", 1, 1, "tcp")]);
        let mut script = String::new();
        for element in elements(&record) {
            element.add(&mut script);
        }
        assert_eq!(
            script,
            "add element inet cove local4 { 10.89.0.5 . udp . 5353 }\n\
             add element inet cove publish4 { 127.0.0.1 . udp . 53 : 10.89.0.5 . 5353 }\n\
             add element inet cove publish4_any { tcp . 8080 : 10.89.0.5 . 80 }\n"
        );
    }

    #[test]
    fn chains_come_before_the_maps_that_name_them() {
        let script = table(&[record(&[])]).unwrap();
        assert!(
            script.find("add chain inet cove net_0011223344556677\n")
                < script.find("add map inet cove egress4")
        );
        assert!(script.contains("egress4 { 10.89.0.0/24 : jump net_0011223344556677 }"));
        assert!(!script.contains("element inet cove forward_in"));
    }
}
