//! Name service of networks: configuration files for aardvark-dns, shared with podman, and its process.
//!
//! A file for each network: first the addresses to listen on and the network's own servers, then a line for each
//! container: id, IPv4 addresses, IPv6 addresses, names, servers of its own. The server re-reads them on SIGHUP,
//! and ends when none is left.

use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cove_api::Network;
use cove_sys::fs;
use cove_sys::lock::FileLock;
use cove_sys::process::find_program;
use cove_sys::program::{self, Program};

use crate::error::{Error, Result};
use crate::process;
use crate::record::{Record, RecordNetwork};
use crate::settings::has_own_bridge;
use crate::store::Networks;

/// Sending to the broadcast address fails at once without a packet: a server that is none. It keeps the name
/// servers of internal networks from asking the world in versions that do not know internal networks.
const NOWHERE: &str = "255.255.255.255";
/// How long a starting server may take.
const START_TIMEOUT: Duration = Duration::from_secs(5);

/// One network's file, as lines.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct File {
    listen: String,
    entries: Vec<String>,
}

impl File {
    fn parse(text: &str) -> Self {
        let mut lines = text.lines().filter(|line| !line.is_empty()).map(str::to_owned);
        Self { listen: lines.next().unwrap_or_default(), entries: lines.collect() }
    }

    fn drop_container(&mut self, id: &str) -> bool {
        let before = self.entries.len();
        self.entries.retain(|line| line.split(' ').next() != Some(id));
        self.entries.len() != before
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n", self.listen);
        for entry in &self.entries {
            text.push_str(entry);
            text.push('\n');
        }
        text
    }
}

fn served(network: &Network) -> bool {
    network.dns_enabled && has_own_bridge(network)
}

/// Newer versions know an internal network by this ending.
fn file_name(network: &Network) -> String {
    if network.internal { format!("{}%int", network.name) } else { network.name.clone() }
}

/// `upstream` is where servers ask on where the network names none; `None` is the host's own choice.
fn listen_line(network: &Network, upstream: Option<&str>) -> String {
    let addresses: Vec<&str> = network
        .subnets
        .iter()
        .map(|subnet| subnet.gateway.as_str())
        .filter(|text| !text.is_empty())
        .collect();
    let mut line = addresses.join(",");
    if network.internal {
        line.push(' ');
        line.push_str(NOWHERE);
    } else if !network.network_dns_servers.is_empty() {
        line.push(' ');
        line.push_str(&network.network_dns_servers.join(","));
    } else if let Some(upstream) = upstream {
        line.push(' ');
        line.push_str(upstream);
    }
    line
}

/// Whether a name can stand in a file whose fields are separated by spaces and commas.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

fn entry_line(record: &Record, entry: &RecordNetwork) -> String {
    let list = |ipv4: bool| {
        let addresses: Vec<String> = entry
            .addresses
            .iter()
            .filter(|address| address.is_ipv4() == ipv4)
            .map(ToString::to_string)
            .collect();
        addresses.join(",")
    };
    let mut names: Vec<&str> = entry.names.iter().map(String::as_str).filter(|name| is_name(name)).collect();
    if let Some(short) = record.id.get(..12)
        && !names.contains(&short)
    {
        names.push(short);
    }
    let mut line = format!("{} {} {} {}", record.id, list(true), list(false), names.join(","));
    let servers: Vec<&str> = record
        .dns_servers
        .iter()
        .map(String::as_str)
        .filter(|server| server.parse::<IpAddr>().is_ok())
        .collect();
    if !servers.is_empty() && !entry.network.internal {
        line.push(' ');
        line.push_str(&servers.join(","));
    }
    line
}

impl Networks {
    fn dns_path(&self, network: &Network) -> Result<PathBuf> {
        crate::ident::check_network_name(&network.name)?;
        Ok(self.options.dns_dir.join(file_name(network)))
    }

    fn dns_lock(&self) -> Result<FileLock> {
        let path = self.options.run_dir.join("dns.lock");
        FileLock::exclusive(&path).map_err(|error| Error::file("locking", &path, error))
    }

    fn dns_write(&self, path: &Path, file: &File) -> Result<()> {
        if file.entries.is_empty() {
            return match fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(Error::file("removing", path, error))
                }
                _ => Ok(()),
            };
        }
        // Beside the folder, not in it: the server takes every file in it for a network.
        let temporary = self.options.run_dir.join("dns.tmp");
        fs::write(&temporary, file.text()).map_err(|error| Error::file("writing", &temporary, error))?;
        match fs::rename(&temporary, path) {
            Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => {
                fs::write(path, file.text()).map_err(|error| Error::file("writing", path, error))
            }
            other => other.map_err(|error| Error::file("writing", path, error)),
        }
    }

    /// Adds a container's names on one network, and sees to the server.
    pub(crate) fn dns_add(&self, record: &Record, entry: &RecordNetwork) -> Result<()> {
        if !served(&entry.network) {
            return Ok(());
        }
        if !matches!(self.options.dns_bind_port, 0 | 53) {
            return Err(Error::Unsupported(format!(
                "dns_bind_port {} is not supported: name servers listen on port 53",
                self.options.dns_bind_port
            )));
        }
        let program = self.program(&program::AARDVARK_DNS)?;
        let _lock = self.dns_lock()?;
        let folder = &self.options.dns_dir;
        fs::create_dir_all(folder).map_err(|error| Error::file("creating", folder, error))?;
        let path = self.dns_path(&entry.network)?;
        let mut file = File::parse(&fs::read_to_string(&path).unwrap_or_default());
        file.listen = listen_line(&entry.network, self.upstream_dns());
        file.drop_container(&record.id);
        file.entries.push(entry_line(record, entry));
        self.dns_write(&path, &file)?;
        self.dns_serve(&program)
    }

    /// Removes a container's names from one network.
    pub(crate) fn dns_remove(&self, network: &Network, id: &str) -> Result<()> {
        if !served(network) {
            return Ok(());
        }
        let path = self.dns_path(network)?;
        let _lock = self.dns_lock()?;
        let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
        let mut file = File::parse(&text);
        if file.drop_container(id) {
            self.dns_write(&path, &file)?;
            self.dns_refresh()?;
        }
        Ok(())
    }

    /// Tells a network's server, where one runs, which servers to ask on.
    pub(crate) fn dns_update(&self, network: &Network) -> Result<()> {
        let path = self.dns_path(network)?;
        let _lock = self.dns_lock()?;
        let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
        let mut file = File::parse(&text);
        file.listen = listen_line(network, self.upstream_dns());
        self.dns_write(&path, &file)?;
        self.dns_refresh()
    }

    /// Forgets a network that is removed.
    pub(crate) fn dns_forget(&self, network: &Network) -> Result<()> {
        let path = self.dns_path(network)?;
        let _lock = self.dns_lock()?;
        if fs::remove_file(&path).is_ok() {
            self.dns_refresh()?;
        }
        Ok(())
    }

    /// The pid of the running server.
    fn dns_pid(&self) -> Option<i32> {
        let pid = fs::read_to_string(self.options.dns_dir.join("aardvark.pid")).ok()?.trim().parse().ok()?;
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        (name.trim() == "aardvark-dns" && process::start_time(pid).is_some()).then_some(pid)
    }

    /// Lets a running server read its files again; one that was killed is started again.
    fn dns_refresh(&self) -> Result<()> {
        let left = fs::read_dir(&self.options.dns_dir).is_ok_and(|entries| {
            entries
                .filter_map(Result::ok)
                .any(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"aardvark."))
        });
        match (self.dns_pid(), left) {
            (None, false) => Ok(()),
            (None, true) => {
                let program = self.program(&program::AARDVARK_DNS)?;
                self.dns_serve(&program)
            }
            (Some(_), _) => {
                self.dns_hang_up();
                Ok(())
            }
        }
    }

    fn dns_hang_up(&self) -> bool {
        let Some((pid, start)) = self.dns_pid().and_then(|pid| Some((pid, process::start_time(pid)?))) else {
            return false;
        };
        process::signal(pid, start, rustix::process::Signal::HUP)
    }

    fn dns_serve(&self, program: &Program) -> Result<()> {
        if self.dns_hang_up() {
            return Ok(());
        }
        let failed = |message: String| Error::Program {
            program: "aardvark-dns".into(),
            message: program.explain(&message),
        };
        let mut command = if Path::new("/run/systemd/system").exists()
            && let Ok(scope) = find_program("systemd-run", &self.helper_dirs, None)
            && !self.options.rootless
        {
            // Out of the caller's cgroup, where the end of a session or service would kill it.
            let mut command = Command::new(scope);
            command.args(["-q", "--scope"]).arg(program.path());
            command
        } else {
            Command::new(program.path())
        };
        let port = if self.options.dns_bind_port == 0 { 53 } else { self.options.dns_bind_port };
        command
            .arg("--config")
            .arg(&self.options.dns_dir)
            .args(["-p", &port.to_string(), "run"])
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        // It forks, and its parent ends when it serves.
        let deadline = Instant::now() + START_TIMEOUT;
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|error| failed(error.to_string()))? {
                break status;
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed(format!("it did not start within {} s", START_TIMEOUT.as_secs())));
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        while self.dns_pid().is_none() {
            if Instant::now() > deadline || !status.success() {
                return Err(failed(format!(
                    "it ended ({status}); is port {port} of the network's gateway in use by another name server?"
                )));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(internal: bool) -> RecordNetwork {
        serde_json::from_value(serde_json::json!({
            "network": {"name": "n", "driver": "bridge", "dns_enabled": true, "internal": internal,
                "network_dns_servers": ["9.9.9.9"],
                "subnets": [{"subnet": "10.89.0.0/24", "gateway": "10.89.0.1"}, {"subnet": "fd00::/64", "gateway": "fd00::1"}]},
            "interface": "eth0", "addresses": ["10.89.0.5", "fd00::5"], "names": ["web", "a b", "x,y"], "status": {}
        }))
        .unwrap()
    }

    #[test]
    fn files_have_the_form_of_aardvark() {
        let mut record = Record::new("o", "0123456789abcdef", "web", Path::new("/ns"));
        record.dns_servers = vec!["1.1.1.1".into(), "not an address".into()];
        let outer = entry(false);
        assert_eq!(listen_line(&outer.network, Some("8.8.8.8")), "10.89.0.1,fd00::1 9.9.9.9");
        assert_eq!(
            entry_line(&record, &outer),
            "0123456789abcdef 10.89.0.5 fd00::5 web,0123456789ab 1.1.1.1"
        );
        let inner = entry(true);
        assert_eq!(file_name(&inner.network), "n%int");
        assert_eq!(listen_line(&inner.network, None), "10.89.0.1,fd00::1 255.255.255.255");
        assert!(entry_line(&record, &inner).ends_with("web,0123456789ab"));
    }

    #[test]
    fn containers_come_and_go() {
        let mut file = File::parse("10.0.0.1\nabc 10.0.0.2  web\nabcd 10.0.0.3  db\n");
        assert!(file.drop_container("abc"));
        assert!(!file.drop_container("ab"));
        assert_eq!(file.text(), "10.0.0.1\nabcd 10.0.0.3  db\n");
    }
}
