//! pasta, the usual user-mode network: how it is called, and how what old versions cannot do is worked round.

use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::process::Command;

use cove_api::{PortMapping, Protocol, PublishedPort};
use cove_sys::process::{RunOptions, run};
use cove_sys::program::Program;
use cove_sys::{fs, program};

use crate::error::{Error, Result};
use crate::link;
use crate::ports;
use crate::process;
use crate::route;
use crate::setup::route_socket;
use crate::store::Networks;
use crate::userland::{
    START_TIMEOUT, Started, UserlandOptions, UserlandReport, container_addresses, host_address,
};

/// The address from which pasta forwards DNS, as podman chose it.
pub(crate) const PASTA_DNS: &str = "169.254.1.1";
/// The address under which newer versions of pasta show the host, as podman chose it.
const PASTA_HOST: &str = "169.254.1.2";
/// The first version that starts on a host without a default route.
const OFFLINE_SINCE: program::Version = [2024, 11, 27];
/// Address, prefix and gateway that newer versions choose on such a host.
const LINK_LOCAL: (&str, &str, &str) = ("169.254.2.1", "16", "169.254.2.2");
/// Those of slirp4netns, for a container that must not have the host's address.
const PRIVATE: (&str, &str, &str) = ("10.0.2.100", "24", "10.0.2.2");

/// What the installed version can do.
#[derive(Debug, Clone, Copy)]
struct Abilities {
    /// Show the host under an address of its own (`--map-guest-addr`).
    host_mapping: bool,
    /// Work with the routes that the host has.
    offline: bool,
}

impl Abilities {
    fn of(program: &Program, host: &HostNetwork) -> Self {
        Self {
            host_mapping: program.has_option("--map-guest-addr"),
            offline: host.has_default_route() || program.is_at_least(OFFLINE_SINCE),
        }
    }
}

/// What of the host's network decides how pasta is called.
#[derive(Debug)]
struct HostNetwork {
    /// There is a default route for IPv4, and for IPv6.
    default_route: (bool, bool),
    /// Number of IPv4 addresses other than loopback.
    ipv4: usize,
    /// A device other than loopback that is up and has an IPv4 address.
    interface: Option<String>,
}

impl HostNetwork {
    fn look() -> Result<Self> {
        let mut socket = route_socket()?;
        let default_route = |ipv4: bool, routes: &[route::Route]| {
            routes.iter().any(|route| route.destination.is_none() && route.ipv4 == ipv4)
        };
        let routes = route::routes(&mut socket)?;
        let addresses: Vec<(u32, IpAddr)> = route::addresses(&mut socket)?
            .into_iter()
            .map(|(index, address)| (index, address.addr()))
            .filter(|(_, address)| address.is_ipv4() && !address.is_loopback())
            .collect();
        let usable = |link: &link::Link| {
            link.up && link.mac.is_some() && addresses.iter().any(|(at, _)| *at == link.index)
        };
        let interface = link::all(&mut socket)?.into_iter().find(|link| link.name != "lo" && usable(link));
        Ok(Self {
            default_route: (default_route(true, &routes), default_route(false, &routes)),
            ipv4: addresses.len(),
            interface: interface.map(|link| link.name),
        })
    }

    fn has_default_route(&self) -> bool {
        self.default_route.0 || self.default_route.1
    }
}

impl Networks {
    /// Whether pasta can work on the host as it is now.
    pub(crate) fn pasta_works(&self) -> Result<bool> {
        let program = self.program(&program::PASTA)?;
        let host = HostNetwork::look()?;
        Ok(pasta_plan(&[], &[], Abilities::of(&program, &host), &host).is_some())
    }

    pub(crate) fn start_pasta(&self, options: &UserlandOptions, ports: &[PublishedPort]) -> Result<Started> {
        let program = self.program(&program::PASTA)?;
        let host = HostNetwork::look()?;
        let abilities = Abilities::of(&program, &host);
        let Some(plan) = pasta_plan(&options.program_options, ports, abilities, &host) else {
            return self.start_offline(options, ports);
        };
        let folder = self.options.run_dir.join("pids");
        fs::create_dir_all(&folder).map_err(|error| Error::file("creating", &folder, error))?;
        let pid_file = folder.join(format!("{}@{}.pid", options.container_id, self.owner));
        let _ = fs::remove_file(&pid_file);
        let failed =
            |message: String| Error::Program { program: "pasta".into(), message: program.explain(&message) };
        let mut command = Command::new(program.path());
        command.args(&plan.arguments).arg("--pid").arg(&pid_file).arg("--netns").arg(&options.netns);
        command.current_dir("/").process_group(0);
        let output = run(&mut command, &RunOptions { timeout: START_TIMEOUT, ..RunOptions::default() })
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            // Somebody else may have taken a port since it was looked at.
            ports::reserve(&mut ports.to_vec(), ports::Holding::Served)?;
            return Err(failed(output.message()));
        }
        let pid = fs::read_to_string(&pid_file)
            .ok()
            .and_then(|text| text.trim().parse::<i32>().ok())
            .and_then(|pid| Some((pid, process::start_time(pid)?)))
            .ok_or_else(|| failed("it ended right after its start".into()))?;
        let _ = fs::remove_file(&pid_file);
        let addresses = container_addresses(&options.netns)?;
        let has = |text: &String| {
            text.parse::<IpAddr>()
                .is_ok_and(|wanted| addresses.iter().any(|address| address.is_ipv4() == wanted.is_ipv4()))
        };
        let host = match plan.hosts.iter().find(|text| has(text)) {
            Some(text) => text.parse().ok(),
            // Without a mapping, the host is reached by those of its addresses that pasta did not give away.
            None => host_address(&addresses),
        };
        let dns_servers = plan.dns.into_iter().filter(has).collect();
        let report = UserlandReport { addresses, dns_servers, host, ports: Vec::new() };
        Ok(Started { process: Some(pid), report })
    }
}

/// The command line of pasta, without pid file and namespace.
#[derive(Debug, PartialEq, Eq)]
struct PastaPlan {
    arguments: Vec<String>,
    dns: Vec<String>,
    /// Addresses under which it shows the host.
    hosts: Vec<String>,
}

/// `None` where pasta cannot work: it is of before [`OFFLINE_SINCE`], and the host has no network either.
fn pasta_plan(
    user: &[String],
    ports: &[PublishedPort],
    abilities: Abilities,
    host: &HostNetwork,
) -> Option<PastaPlan> {
    let mut arguments = vec!["--config-net".to_owned()];
    // Not an option of pasta: it takes our default back.
    let map_gateway = user.iter().any(|option| option == "--map-gw");
    arguments.extend(user.iter().filter(|option| *option != "--map-gw").cloned());
    let given = |names: &[&str]| {
        user.iter()
            .any(|option| names.iter().any(|name| option == name || option.starts_with(&format!("{name}="))))
    };
    let values = |name: &str| -> Vec<String> {
        let mut found = Vec::new();
        for (index, option) in user.iter().enumerate() {
            if option == name {
                found.extend(user.get(index + 1).cloned());
            } else if let Some(value) = option.strip_prefix(&format!("{name}=")) {
                found.push(value.to_owned());
            }
        }
        found
    };
    for (protocol, option, names) in
        [(Protocol::Tcp, "-t", ["-t", "--tcp-ports"]), (Protocol::Udp, "-u", ["-u", "--udp-ports"])]
    {
        let specs = port_specs(ports, protocol);
        if specs.is_empty() && !given(&names) {
            arguments.extend([option.to_owned(), "none".to_owned()]);
        }
        for spec in specs {
            arguments.extend([option.to_owned(), spec]);
        }
    }
    for (option, names) in [("-T", ["-T", "--tcp-ns"]), ("-U", ["-U", "--udp-ns"])] {
        if !given(&names) {
            arguments.extend([option.to_owned(), "none".to_owned()]);
        }
    }
    let mut dns = values("--dns-forward");
    if dns.is_empty() {
        arguments.extend(["--dns-forward".to_owned(), PASTA_DNS.to_owned()]);
        dns.push(PASTA_DNS.to_owned());
    }
    if !map_gateway {
        arguments.push("--no-map-gw".to_owned());
    }
    if !given(&["-d", "--debug", "--trace", "-q", "--quiet"]) {
        arguments.push("--quiet".to_owned());
    }
    let mut hosts = values("--map-guest-addr");
    if hosts.is_empty() && abilities.host_mapping {
        arguments.extend(["--map-guest-addr".to_owned(), PASTA_HOST.to_owned()]);
        hosts.push(PASTA_HOST.to_owned());
    }
    // Whoever names addresses or interfaces knows better.
    let addresses = ["-a", "--address", "-n", "--netmask", "-g", "--gateway", "-i", "--interface"];
    if !given(&addresses) {
        arguments.extend(adaptation(abilities, host, hosts.is_empty())?);
    }
    Some(PastaPlan { arguments, dns, hosts })
}

/// The options that work round what a version cannot do; `None` where nothing does.
fn adaptation(abilities: Abilities, host: &HostNetwork, no_mapping: bool) -> Option<Vec<String>> {
    let own = |(address, prefix, gateway): (&str, &str, &str)| {
        ["-a", address, "-n", prefix, "-g", gateway].map(str::to_owned).to_vec()
    };
    if !host.has_default_route() && !abilities.offline {
        // It takes addresses from the interface of the default route alone, and from none without hardware address.
        let interface = host.interface.clone()?;
        return Some([vec!["-4".to_owned(), "-i".to_owned(), interface], own(LINK_LOCAL)].concat());
    }
    // The container would have the host's only address, which then leads to itself and not to the host.
    if no_mapping && host.default_route.0 && host.ipv4 == 1 {
        return Some(own(PRIVATE));
    }
    Some(Vec::new())
}

/// The port options of pasta for one protocol, neighbours joined to ranges.
fn port_specs(ports: &[PublishedPort], protocol: Protocol) -> Vec<String> {
    let ports: Vec<PublishedPort> = ports.iter().filter(|port| port.protocol == protocol).copied().collect();
    PublishedPort::group(&ports)
        .into_iter()
        .map(|PortMapping { host_ip, host_port: host, container_port: container, range, .. }| {
            let address = if host_ip.is_empty() { String::new() } else { format!("{host_ip}/") };
            format!("{address}{host}-{}:{container}-{}", host + (range - 1), container + (range - 1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(ip: &str, host: u16, container: u16, protocol: Protocol) -> PublishedPort {
        PublishedPort { host_ip: ip.parse().ok(), host_port: host, container_port: container, protocol }
    }

    #[test]
    fn the_command_line_of_pasta() {
        let ports = [
            port("", 8080, 80, Protocol::Tcp),
            port("", 8081, 81, Protocol::Tcp),
            port("", 8082, 90, Protocol::Tcp),
            port("127.0.0.1", 53, 53, Protocol::Udp),
        ];
        let (new, online) =
            (Abilities { host_mapping: true, offline: true }, network((true, true), 2, Some("eth0")));
        let plan = pasta_plan(&[], &ports, new, &online).unwrap();
        assert_eq!(
            plan.arguments.join(" "),
            "--config-net -t 8080-8081:80-81 -t 8082-8082:90-90 -u 127.0.0.1/53-53:53-53 -T none -U none \
             --dns-forward 169.254.1.1 --no-map-gw --quiet --map-guest-addr 169.254.1.2"
        );
        assert_eq!(plan.hosts, [PASTA_HOST]);
        let user: Vec<String> =
            ["--map-gw", "-T", "auto", "--dns-forward=9.9.9.9", "--map-guest-addr", "169.254.7.7", "-t=5"]
                .map(str::to_owned)
                .to_vec();
        let plan = pasta_plan(&user, &[], new, &online).unwrap();
        assert_eq!(
            plan.arguments.join(" "),
            "--config-net -T auto --dns-forward=9.9.9.9 --map-guest-addr 169.254.7.7 -t=5 -u none -U none --quiet"
        );
        assert_eq!((plan.dns, plan.hosts), (vec!["9.9.9.9".to_owned()], vec!["169.254.7.7".to_owned()]));
    }

    fn network(default_route: (bool, bool), ipv4: usize, interface: Option<&str>) -> HostNetwork {
        HostNetwork { default_route, ipv4, interface: interface.map(str::to_owned) }
    }

    #[test]
    fn old_versions_are_worked_round() {
        let old = Abilities { host_mapping: false, offline: false };
        let new = Abilities { host_mapping: true, offline: true };
        let arguments = |user: &[&str], abilities, host: &HostNetwork| {
            let user: Vec<String> = user.iter().map(|option| (*option).to_owned()).collect();
            let plan = pasta_plan(&user, &[], abilities, host)?;
            let last = plan.arguments.join(" ");
            Some(last.split_once("--quiet").unwrap().1.trim().to_owned())
        };
        let shows = "--map-guest-addr 169.254.1.2";
        let routed = network((true, false), 2, Some("eth0"));
        assert_eq!(arguments(&[], old, &routed).as_deref(), Some(""));
        assert_eq!(arguments(&[], new, &routed).as_deref(), Some(shows));
        // A host with one address is reached by it when the container has another.
        let single = network((true, true), 1, Some("eth0"));
        assert_eq!(arguments(&[], old, &single).as_deref(), Some("-a 10.0.2.100 -n 24 -g 10.0.2.2"));
        assert_eq!(arguments(&[], new, &single).as_deref(), Some(shows));
        assert_eq!(arguments(&["--address=10.0.0.9"], old, &single).as_deref(), Some(""));
        // Without a default route an old version needs an interface, and without one cannot work.
        let local = network((false, false), 1, Some("eth1"));
        let expected = "-4 -i eth1 -a 169.254.2.1 -n 16 -g 169.254.2.2";
        assert_eq!(arguments(&[], old, &local).as_deref(), Some(expected));
        assert_eq!(arguments(&[], new, &local).as_deref(), Some(shows));
        let lonely = network((false, false), 0, None);
        assert_eq!(arguments(&[], old, &lonely), None);
        assert_eq!(arguments(&[], new, &lonely).as_deref(), Some(shows));
    }
}
