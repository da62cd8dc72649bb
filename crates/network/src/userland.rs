//! User-mode networks for containers of ordinary users: pasta, or slirp4netns where pasta is missing.

use std::io::{Read, Write};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cove_api::{PortMapping, Protocol, PublishedPort};
use cove_sys::fs;
use cove_sys::process::{RunOptions, find_program, run};
use serde_json::json;

use crate::addr::Cidr;
use crate::error::{Error, Result};
use crate::ident;
use crate::link;
use crate::netns;
use crate::ports;
use crate::process;
use crate::record::{Mode, Record};
use crate::setup::route_socket;
use crate::store::Networks;

/// The address from which pasta forwards DNS, as podman chose it.
pub(crate) const PASTA_DNS: &str = "169.254.1.1";
/// The address under which newer versions of pasta show the host, as podman chose it.
const PASTA_HOST: &str = "169.254.1.2";
/// The DNS address of slirp4netns in its default subnet.
pub(crate) const SLIRP_DNS: &str = "10.0.2.3";
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A user-mode network program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserNetwork {
    /// pasta, of the package passt.
    #[default]
    Pasta,
    /// slirp4netns.
    Slirp4netns,
}

/// What a container wants of its user-mode network.
#[derive(Debug, Clone, Default)]
pub struct UserlandOptions {
    /// Which program.
    pub network: UserNetwork,
    /// The container's id.
    pub container_id: String,
    /// Its namespace.
    pub netns: PathBuf,
    /// Published ports.
    pub ports: Vec<PublishedPort>,
    /// The program's options, from containers.conf and then from the user: command-line options of pasta, or
    /// `key=value` options of slirp4netns as in podman-run(1).
    pub program_options: Vec<String>,
}

/// What [`Networks::setup_userland`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserlandReport {
    /// The container's addresses.
    pub addresses: Vec<Cidr>,
    /// Addresses that answer DNS, for the container's `resolv.conf`.
    pub dns_servers: Vec<String>,
    /// Address under which the container reaches the host, where there is one.
    pub host: Option<IpAddr>,
    /// The published ports, single, with the host ports that were chosen for 0.
    pub ports: Vec<PublishedPort>,
}

impl Networks {
    /// The program used where the user names none: pasta, or slirp4netns where that is missing.
    ///
    /// # Errors
    /// Neither is installed.
    pub fn default_user_network(&self) -> Result<UserNetwork> {
        if find_program("pasta", &self.helper_dirs, None).is_ok() {
            Ok(UserNetwork::Pasta)
        } else if find_program("slirp4netns", &self.helper_dirs, None).is_ok() {
            Ok(UserNetwork::Slirp4netns)
        } else {
            Err(Error::MissingProgram { program: "pasta".into(), package: "passt".into() })
        }
    }

    /// Connects a container's namespace through a user-mode network, which lives until
    /// [`Networks::teardown`]. On an error nothing is left.
    ///
    /// # Errors
    /// A port in use, a missing program, or the program's own message.
    pub fn setup_userland(&self, options: &UserlandOptions) -> Result<UserlandReport> {
        ident::check_id(&options.container_id)?;
        if !self.options.rootless {
            return Err(Error::Unsupported(
                "pasta and slirp4netns networks are for rootless containers only".into(),
            ));
        }
        self.teardown(&options.container_id)?;
        let mut record = Record::new(&self.owner, &options.container_id, "", &options.netns);
        record.mode = match options.network {
            UserNetwork::Pasta => Mode::Pasta,
            UserNetwork::Slirp4netns => Mode::Slirp4netns,
        };
        record.ports = ports::distinct(&options.ports);
        if let Some(port) = record.ports.iter().find(|port| port.protocol == Protocol::Sctp) {
            return Err(Error::Unsupported(format!("can't forward protocol: {} (rootless)", port.protocol)));
        }
        // Taken to find conflicts and free ports, then left to the program.
        drop(ports::reserve(&mut record.ports)?);
        self.port_leases.take(&record.ports, &record.holder(), &|other| self.records.exists(other))?;
        let started = self.start_userland(options, &record.ports);
        let result = started.and_then(|(process, mut report)| {
            record.processes = vec![process];
            report.ports = record.ports.clone();
            self.records.write(&record).map(|()| report)
        });
        if result.is_err() {
            self.end_processes(&record);
            self.port_leases.release(&record.ports, &record.holder());
        }
        result
    }

    /// Starts the program; the answer has its pid and start time.
    pub(crate) fn start_userland(
        &self,
        options: &UserlandOptions,
        ports: &[PublishedPort],
    ) -> Result<((i32, u64), UserlandReport)> {
        match options.network {
            UserNetwork::Pasta => self.start_pasta(options, ports),
            UserNetwork::Slirp4netns => self.start_slirp(options, ports),
        }
    }

    fn start_pasta(
        &self,
        options: &UserlandOptions,
        ports: &[PublishedPort],
    ) -> Result<((i32, u64), UserlandReport)> {
        let program = find_program("pasta", &self.helper_dirs, None)
            .map_err(|_| Error::MissingProgram { program: "pasta".into(), package: "passt".into() })?;
        let folder = self.options.run_dir.join("pids");
        fs::create_dir_all(&folder).map_err(|error| Error::file("creating", &folder, error))?;
        let pid_file = folder.join(format!("{}@{}.pid", options.container_id, self.owner));
        let _ = fs::remove_file(&pid_file);
        let mut plan = pasta_plan(&options.program_options, ports);
        let failed = |message: String| Error::Program { program: "pasta".into(), message };
        loop {
            let mut command = Command::new(&program);
            command.args(&plan.arguments).arg("--pid").arg(&pid_file).arg("--netns").arg(&options.netns);
            if plan.own_host {
                command.args(["--map-guest-addr", PASTA_HOST]);
            }
            command.current_dir("/").process_group(0);
            let output = run(&mut command, &RunOptions { timeout: START_TIMEOUT, ..RunOptions::default() })
                .map_err(|error| failed(error.to_string()))?;
            if output.status.success() {
                break;
            }
            // Versions before 2024_08_21.
            let message = output.message();
            if plan.own_host && message.contains("--map-guest-addr") {
                plan.own_host = false;
                plan.hosts.clear();
                continue;
            }
            if let Some(port) = ports.iter().find(|_| message.contains("Failed to bind")) {
                tracing::debug!("first of the ports: {}", port.host_port);
                return Err(Error::InUse(format!("pasta failed: {message}")));
            }
            return Err(failed(message));
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
        Ok((pid, UserlandReport { addresses, dns_servers, host, ports: Vec::new() }))
    }

    fn start_slirp(
        &self,
        options: &UserlandOptions,
        ports: &[PublishedPort],
    ) -> Result<((i32, u64), UserlandReport)> {
        let program = find_program("slirp4netns", &self.helper_dirs, None).map_err(|_| {
            Error::MissingProgram { program: "slirp4netns".into(), package: "slirp4netns".into() }
        })?;
        let failed = |message: String| Error::Program { program: "slirp4netns".into(), message };
        let plan = slirp_plan(&options.program_options)?;
        let socket = self
            .options
            .run_dir
            .join(format!("{}.slirp", options.container_id.get(..12).unwrap_or("shared")));
        let _ = fs::remove_file(&socket);
        // The write end is its standard input: a descriptor whose number is known.
        let (mut ready, write_end) = std::io::pipe().map_err(|error| failed(error.to_string()))?;
        let log = self.options.run_dir.join("slirp4netns.log");
        let log_file = fs::File::create(&log).map_err(|error| Error::file("creating", &log, error))?;
        let mut command = Command::new(program);
        command.args(&plan.arguments).args(["-c", "-r", "0", "--netns-type=path"]);
        if !ports.is_empty() {
            command.arg("--api-socket").arg(&socket);
        }
        command
            .arg(&options.netns)
            .arg("tap0")
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(write_end)))
            .stdout(Stdio::null())
            .stderr(Stdio::from(log_file.into_file()));
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        drop(command);
        let mut byte = [0];
        let started = ready.read(&mut byte).is_ok_and(|count| count == 1);
        let pid = i32::try_from(child.id()).unwrap_or(0);
        let Some(start) = process::start_time(pid).filter(|_| started) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(failed(fs::read_to_string(&log).unwrap_or_default().trim().to_owned()));
        };
        for port in ports {
            if let Err(error) = slirp_forward(&socket, port, &plan.address) {
                let _ = child.kill();
                let _ = child.wait();
                let _ = fs::remove_file(&socket);
                return Err(error);
            }
        }
        let addresses = container_addresses(&options.netns)?;
        let host = if plan.host_loopback { plan.gateway.parse().ok() } else { host_address(&addresses) };
        Ok(((pid, start), UserlandReport { addresses, dns_servers: vec![plan.dns], host, ports: Vec::new() }))
    }
}

/// The addresses of a namespace other than loopback, and without link-local ones.
fn container_addresses(netns: &Path) -> Result<Vec<Cidr>> {
    let namespace =
        netns::open(netns).map_err(|error| Error::file("opening the network namespace", netns, error))?;
    netns::within(namespace.as_fd(), || {
        let mut found: Vec<Cidr> =
            link::addresses(&mut route_socket()?)?.into_iter().map(|(_, address)| address).collect();
        found.retain(|address| !address.addr().is_loopback() && !is_link_local(address.addr()));
        Ok(found)
    })
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.segments()[0] & 0xffc0 == 0xfe80,
    }
}

/// An IPv4 address of the host that is not also the container's.
fn host_address(taken: &[Cidr]) -> Option<IpAddr> {
    let addresses = link::addresses(&mut route_socket().ok()?).ok()?;
    addresses.into_iter().map(|(_, address)| address.addr()).find(|address| {
        address.is_ipv4() && !address.is_loopback() && taken.iter().all(|own| own.addr() != *address)
    })
}

/// The command line of pasta, without pid file and namespace.
#[derive(Debug, PartialEq, Eq)]
struct PastaPlan {
    arguments: Vec<String>,
    dns: Vec<String>,
    hosts: Vec<String>,
    /// The mapping of the host is ours, not the user's.
    own_host: bool,
}

fn pasta_plan(user: &[String], ports: &[PublishedPort]) -> PastaPlan {
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
    let own_host = hosts.is_empty();
    if own_host {
        hosts.push(PASTA_HOST.to_owned());
    }
    PastaPlan { arguments, dns, hosts, own_host }
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

/// The command line and addresses of slirp4netns.
struct SlirpPlan {
    arguments: Vec<String>,
    address: String,
    gateway: String,
    dns: String,
    host_loopback: bool,
}

fn slirp_plan(options: &[String]) -> Result<SlirpPlan> {
    let mut subnet: Cidr = "10.0.2.0/24".parse()?;
    let (mut host_loopback, mut ipv6, mut mtu) = (false, true, 65520u32);
    let mut extra = Vec::new();
    for option in options.iter().flat_map(|text| text.split(',')).filter(|text| !text.is_empty()) {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        let invalid = || Error::Invalid(format!("invalid slirp4netns option {option:?}"));
        let truth = || match value {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => {
                Err(Error::Invalid(format!("invalid value of slirp4netns option {option:?}: true or false")))
            }
        };
        match key {
            "cidr" => {
                subnet = value.parse::<Cidr>()?.network();
                if !subnet.is_ipv4() || subnet.prefix() > 25 {
                    return Err(invalid());
                }
            }
            "allow_host_loopback" => host_loopback = truth()?,
            "enable_ipv6" => ipv6 = truth()?,
            "mtu" => mtu = value.parse().map_err(|_| invalid())?,
            "outbound_addr" | "outbound_addr6" => {
                if value.is_empty() {
                    return Err(invalid());
                }
                extra.push(format!("--{}={value}", key.replace('_', "-")));
            }
            "port_handler" if value == "slirp4netns" => {}
            "port_handler" => {
                return Err(Error::Unsupported(format!(
                    "slirp4netns port_handler {value:?} is not supported"
                )));
            }
            _ => return Err(Error::Invalid(format!("unknown option for slirp4netns: {option:?}"))),
        }
    }
    let base = crate::addr::number(subnet.first());
    let nth = |offset: u128| crate::addr::from_number(base + offset, true).to_string();
    let mut arguments = vec![
        format!("--mtu={mtu}"),
        format!("--cidr={subnet}"),
        "--enable-sandbox".into(),
        "--enable-seccomp".into(),
    ];
    if !host_loopback {
        arguments.push("--disable-host-loopback".into());
    }
    if ipv6 {
        arguments.push("--enable-ipv6".into());
    }
    arguments.extend(extra);
    Ok(SlirpPlan { arguments, address: nth(100), gateway: nth(2), dns: nth(3), host_loopback })
}

/// Publishes one port through the API socket of slirp4netns.
fn slirp_forward(socket: &Path, port: &PublishedPort, guest: &str) -> Result<()> {
    let failed = |message: String| Error::Program { program: "slirp4netns".into(), message };
    let request = json!({"execute": "add_hostfwd", "arguments": {
        "proto": port.protocol, "host_addr": port.host().ip(), "host_port": port.host_port,
        "guest_addr": guest, "guest_port": port.container_port}});
    // The socket is below the run directory, whose path may be too long for an address.
    let folder = socket.parent().unwrap_or(Path::new("/"));
    let directory = fs::File::open(folder).map_err(|error| Error::file("opening", folder, error))?;
    use std::os::fd::AsRawFd;
    let short = format!(
        "/proc/self/fd/{}/{}",
        directory.as_raw_fd(),
        socket.file_name().unwrap_or_default().to_string_lossy()
    );
    let exchange = || -> std::io::Result<Vec<u8>> {
        let mut stream = UnixStream::connect(&short)?;
        stream.set_read_timeout(Some(START_TIMEOUT))?;
        stream.write_all(request.to_string().as_bytes())?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut answer = Vec::new();
        stream.take(64 * 1024).read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = exchange().map_err(|error| failed(error.to_string()))?;
    let answer: serde_json::Value =
        serde_json::from_slice(&answer).map_err(|error| failed(format!("its answer: {error}")))?;
    match answer.get("error") {
        None => Ok(()),
        Some(error) => Err(failed(format!("publishing port {} {}: {error}", port.protocol, port.host()))),
    }
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
        let plan = pasta_plan(&[], &ports);
        assert_eq!(
            plan.arguments.join(" "),
            "--config-net -t 8080-8081:80-81 -t 8082-8082:90-90 -u 127.0.0.1/53-53:53-53 -T none -U none \
             --dns-forward 169.254.1.1 --no-map-gw --quiet"
        );
        assert!(plan.own_host);
        let user: Vec<String> =
            ["--map-gw", "-T", "auto", "--dns-forward=9.9.9.9", "--map-guest-addr", "169.254.7.7", "-t=5"]
                .map(str::to_owned)
                .to_vec();
        let plan = pasta_plan(&user, &[]);
        assert_eq!(
            plan.arguments.join(" "),
            "--config-net -T auto --dns-forward=9.9.9.9 --map-guest-addr 169.254.7.7 -t=5 -u none -U none --quiet"
        );
        assert_eq!(
            (plan.dns, plan.hosts, plan.own_host),
            (vec!["9.9.9.9".into()], vec!["169.254.7.7".into()], false)
        );
    }

    #[test]
    fn options_of_slirp() {
        let plan =
            slirp_plan(&["cidr=10.9.0.0/24,mtu=1500".into(), "allow_host_loopback=true".into()]).unwrap();
        assert_eq!(
            (plan.address.as_str(), plan.gateway.as_str(), plan.dns.as_str()),
            ("10.9.0.100", "10.9.0.2", "10.9.0.3")
        );
        assert!(plan.host_loopback && !plan.arguments.contains(&"--disable-host-loopback".to_owned()));
        for bad in ["x=1", "mtu=x", "enable_ipv6=maybe", "cidr=10.0.0.0/30", "port_handler=rootlesskit"] {
            assert!(slirp_plan(&[bad.into()]).is_err(), "{bad}");
        }
    }
}
