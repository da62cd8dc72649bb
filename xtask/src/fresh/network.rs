//! A network of its own for a machine of namespaces: tests of networks disturb nobody, and the outside is reached.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell;

const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";

/// A network namespace, joined to this one by a pair of links, behind this host's addresses. Gone with this value.
pub(super) struct Network {
    /// Of the namespace and of the table of nft.
    name: String,
    /// The host did not forward packets before.
    is_forwarding_ours: bool,
}

impl Network {
    pub(super) fn new() -> Result<Self> {
        remove_what_is_left();
        let id = std::process::id();
        let mut network = Self { name: format!("cove-fresh-{id}"), is_forwarding_ours: false };
        let (name, link) = (&*network.name.clone(), format!("cove{id}"));
        // A block that is set aside for tests of networks, so that no pool of addresses has it.
        let (subnet, gateway, own) = {
            let third = id % 256;
            let address = |last: u8| format!("198.18.{third}.{last}");
            (format!("{}/30", address(0)), address(1), address(2))
        };
        let ip = |arguments: &[&str]| shell::output(Command::new("ip").args(arguments)).map(drop);
        ip(&["netns", "add", name])?;
        ip(&["link", "add", &link, "type", "veth", "peer", "name", "eth0", "netns", name])?;
        ip(&["address", "add", &format!("{gateway}/30"), "dev", &link])?;
        ip(&["link", "set", &link, "up"])?;
        ip(&["-n", name, "address", "add", &format!("{own}/30"), "dev", "eth0"])?;
        ip(&["-n", name, "link", "set", "eth0", "up"])?;
        ip(&["-n", name, "link", "set", "lo", "up"])?;
        ip(&["-n", name, "route", "add", "default", "via", &gateway])?;
        if std::fs::read_to_string(FORWARDING).context(FORWARDING)?.trim() == "0" {
            std::fs::write(FORWARDING, "1").context(FORWARDING)?;
            network.is_forwarding_ours = true;
        }
        let rules = format!(
            "table ip {name} {{ chain out {{ type nat hook postrouting priority srcnat; \
             ip saddr {subnet} oifname != \"{link}\" masquerade; }}; }}"
        );
        shell::output(Command::new("nft").arg(rules))?;
        Ok(network)
    }

    /// The start of a command in this network.
    pub(super) fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.name));
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        remove(&self.name);
        if self.is_forwarding_ours {
            let _ = std::fs::write(FORWARDING, "0");
        }
    }
}

/// Removes the networks of runs that were killed.
fn remove_what_is_left() {
    for entry in std::fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix("cove-fresh-");
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            remove(&name);
        }
    }
}

fn remove(name: &str) {
    for (program, arguments) in
        [("nft", ["delete", "table", "ip", name].as_slice()), ("ip", &["netns", "delete", name])]
    {
        let _ = shell::output(Command::new(program).args(arguments));
    }
}
