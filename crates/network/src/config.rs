//! The network configuration files, one `NAME.json` each, in netavark's form and places, shared with podman.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use cove_api::{Network, NetworkCreateOptions, Subnet};
use cove_sys::fs;

use crate::addr::Cidr;
use crate::complete::{Host, complete};
use crate::error::{Error, Result};
use crate::ident;
use crate::pool::{SubnetPool, first_host};

/// Largest configuration file that is read.
const FILE_LIMIT: u64 = 1 << 20;
/// Most networks a folder may hold, as a bound for hostile folders.
const NETWORK_LIMIT: usize = 16_384;

/// The configured networks of one folder, and the built-in default network.
#[derive(Debug, Clone)]
pub(crate) struct ConfigStore {
    pub(crate) folder: PathBuf,
    pub(crate) default_network: String,
    pub(crate) default_subnet: Cidr,
    pub(crate) pools: Vec<SubnetPool>,
}

/// The lock podman takes (`fcntl` open file description lock on `netavark.lock`); closing the file releases it.
struct ConfigLock {
    _files: Vec<fs::File>,
}

/// Where newer versions of podman keep the lock of root's folder.
const ROOT_FOLDER: &str = "/etc/containers/networks";
const ROOT_LOCK: &str = "/run/lock/netavark.lock";

impl ConfigStore {
    fn lock(&self) -> Result<ConfigLock> {
        fs::create_dir_all(&self.folder).map_err(|error| Error::file("creating", &self.folder, error))?;
        let mut files = Vec::new();
        if self.folder == Path::new(ROOT_FOLDER) && Path::new("/run/lock").is_dir() {
            files.push(lock_as_podman(Path::new(ROOT_LOCK))?);
        }
        files.push(lock_as_podman(&self.folder.join("netavark.lock"))?);
        Ok(ConfigLock { _files: files })
    }

    /// The default network as it is without a file.
    fn built_in(&self) -> Network {
        Network {
            name: self.default_network.clone(),
            // The id podman gives its default network: the digest of its name `podman`.
            id: "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9".into(),
            driver: "bridge".into(),
            network_interface: "podman0".into(),
            created: jiff::Timestamp::now(),
            subnets: vec![Subnet {
                subnet: self.default_subnet.network().to_string(),
                gateway: first_host(self.default_subnet).to_string(),
                lease_range: None,
            }],
            ipv6_enabled: !self.default_subnet.is_ipv4(),
            ipam_options: BTreeMap::from([("driver".into(), "host-local".into())]),
            ..Network::default()
        }
    }

    /// All networks by name. A file that is no network is passed over with a warning, as podman does.
    pub(crate) fn load(&self) -> Result<BTreeMap<String, Network>> {
        let mut networks = BTreeMap::new();
        match fs::read_dir(&self.folder) {
            Ok(entries) => {
                for entry in entries.take(NETWORK_LIMIT) {
                    let path = entry.map_err(|error| Error::file("reading", &self.folder, error))?.path();
                    if path.extension().is_none_or(|extension| extension != "json") {
                        continue;
                    }
                    match read(&path) {
                        Ok(network) => {
                            networks.insert(network.name.clone(), network);
                        }
                        Err(error) => tracing::warn!("network configuration passed over: {error}"),
                    }
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::file("reading", &self.folder, error)),
        }
        if !networks.contains_key(&self.default_network) {
            networks.insert(self.default_network.clone(), self.built_in());
        }
        Ok(networks)
    }

    /// One network by name, id or the unambiguous start of an id.
    pub(crate) fn find(&self, name_or_id: &str) -> Result<Network> {
        // The common case costs one small file.
        if ident::check_network_name(name_or_id).is_ok() {
            match read(&self.folder.join(format!("{name_or_id}.json"))) {
                Ok(network) => return Ok(network),
                Err(_) if name_or_id == self.default_network => {
                    if !self.folder.join(format!("{name_or_id}.json")).exists() {
                        return Ok(self.built_in());
                    }
                }
                Err(_) => {}
            }
        }
        let mut networks = self.load()?;
        if let Some(network) = networks.remove(name_or_id) {
            return Ok(network);
        }
        if name_or_id.is_empty() {
            return Err(Error::NetworkNotFound(name_or_id.to_owned()));
        }
        let mut found = networks.into_values().filter(|network| network.id.starts_with(name_or_id));
        match (found.next(), found.next()) {
            (Some(network), None) => Ok(network),
            (Some(_), Some(_)) => Err(Error::Ambiguous(name_or_id.to_owned())),
            _ => Err(Error::NetworkNotFound(name_or_id.to_owned())),
        }
    }

    /// Creates a network: checks what is given, fills in the rest, writes the file.
    pub(crate) fn create(&self, network: Network, options: NetworkCreateOptions) -> Result<Network> {
        let _lock = self.lock()?;
        let networks = self.load()?;
        if let Some(present) = networks.get(&network.name) {
            if options.ignore_if_exists {
                return Ok(present.clone());
            }
            return Err(Error::NetworkExists(network.name));
        }
        let host = Host::look()?;
        let network = complete(network, &networks, &host, &self.pools)?;
        self.write(&network)?;
        Ok(network)
    }

    fn write(&self, network: &Network) -> Result<()> {
        let path = self.folder.join(format!("{}.json", network.name));
        let mut text = serde_json::to_vec_pretty(network)
            .map_err(|source| Error::Parse { path: path.clone(), source })?;
        text.push(b'\n');
        cove_sys::atomic::write(&path, &text, 0o644).map_err(|error| Error::file("writing", &path, error))
    }

    /// Changes which name servers a network asks.
    pub(crate) fn update_dns(&self, name_or_id: &str, add: &[String], remove: &[String]) -> Result<Network> {
        for server in add {
            if server.parse::<std::net::IpAddr>().is_err() {
                return Err(Error::Invalid(format!(
                    "unable to parse ip {server} specified in AddDNSServer: invalid argument"
                )));
            }
        }
        let _lock = self.lock()?;
        let mut network = self.find(name_or_id)?;
        network.network_dns_servers.retain(|server| !remove.contains(server));
        for server in add {
            if !network.network_dns_servers.contains(server) {
                network.network_dns_servers.push(server.clone());
            }
        }
        self.write(&network)?;
        Ok(network)
    }

    /// Removes a network's file. The default network cannot be removed.
    pub(crate) fn remove(&self, name_or_id: &str) -> Result<Network> {
        let _lock = self.lock()?;
        let network = self.find(name_or_id)?;
        if network.name == self.default_network {
            return Err(Error::Invalid(format!("default network {} cannot be removed", network.name)));
        }
        let path = self.folder.join(format!("{}.json", network.name));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::file("removing", &path, error))
            }
            _ => Ok(network),
        }
    }
}

fn lock_as_podman(path: &Path) -> Result<fs::File> {
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|error| Error::file("opening", path, error))?;
    // SAFETY: all-zero is a valid value of this plain C structure.
    let mut request: libc::flock = unsafe { std::mem::zeroed() };
    // The constants are small; the field is narrower than them on some systems.
    request.l_type = libc::F_WRLCK as libc::c_short;
    request.l_whence = libc::SEEK_SET as libc::c_short;
    loop {
        // SAFETY: the descriptor is open and `request` lives through the call, which reads it only.
        if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLKW, &request) } == 0 {
            return Ok(file);
        }
        let error = std::io::Error::last_os_error();
        if error.kind() != std::io::ErrorKind::Interrupted {
            return Err(Error::file("locking", path, error));
        }
    }
}

fn read(path: &Path) -> Result<Network> {
    let mut text = Vec::new();
    let file = fs::File::open(path).map_err(|error| Error::file("opening", path, error))?;
    file.take(FILE_LIMIT).read_to_end(&mut text).map_err(|error| Error::file("reading", path, error))?;
    let network: Network =
        serde_json::from_slice(&text).map_err(|source| Error::Parse { path: path.to_path_buf(), source })?;
    ident::check_network_name(&network.name)?;
    if path.file_stem().is_none_or(|stem| stem != network.name.as_str()) {
        return Err(Error::Invalid(format!(
            "network name {} does not match its file {}",
            network.name,
            path.display()
        )));
    }
    if network.id.len() != 64 || !network.id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Error::Invalid(format!("invalid network ID {:?} in {}", network.id, path.display())));
    }
    if !network.network_interface.is_empty() {
        ident::check_device_name(&network.network_interface)?;
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &Path) -> ConfigStore {
        ConfigStore {
            folder: folder.to_path_buf(),
            default_network: "podman".into(),
            default_subnet: "10.88.0.0/16".parse().unwrap(),
            pools: SubnetPool::defaults(),
        }
    }

    fn named(name: &str) -> Network {
        Network { name: name.into(), dns_enabled: true, ..Network::default() }
    }

    fn done(network: Network, store: &ConfigStore) -> Result<Network> {
        complete(network, &store.load().unwrap(), &Host::default(), &store.pools)
    }

    #[test]
    fn the_default_network_needs_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder.path().join("none"));
        let network = store.find("podman").unwrap();
        assert_eq!(network.network_interface, "podman0");
        assert_eq!(network.subnets[0].gateway, "10.88.0.1");
        assert_eq!(store.find(&network.id[..12]).unwrap().name, "podman");
        assert!(matches!(store.find("other"), Err(Error::NetworkNotFound(_))));
        assert!(store.remove("podman").is_err());
    }

    #[test]
    fn networks_get_the_next_free_subnet_and_name() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let first = done(named("one"), &store).unwrap();
        assert_eq!(first.subnets[0].subnet, "10.89.0.0/24");
        assert_eq!(first.network_interface, "podman1");
        store.write(&first).unwrap();
        let second = done(Network { ipv6_enabled: true, ..named("two") }, &store).unwrap();
        assert_eq!(second.subnets[0].subnet, "10.89.1.0/24");
        assert!(second.subnets[1].subnet.starts_with("fd"));
        assert_eq!(second.network_interface, "podman2");
        assert_eq!(store.find("one").unwrap(), first);
        assert_eq!(store.find(&first.id).unwrap(), first);
        store.remove("one").unwrap();
        assert!(store.find("one").is_err());
        let busy = Host { devices: vec!["podman1".into()], subnets: vec!["10.89.0.0/23".parse().unwrap()] };
        let third = complete(named("three"), &store.load().unwrap(), &busy, &store.pools).unwrap();
        assert_eq!(third.subnets[0].subnet, "10.89.2.0/24");
        assert_eq!(third.network_interface, "podman2");
    }

    #[test]
    fn conflicts_and_bad_names_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let with = |subnet: &str| Network {
            subnets: vec![Subnet { subnet: subnet.into(), ..Subnet::default() }],
            ..named("net")
        };
        assert!(matches!(done(with("10.88.5.0/24"), &store), Err(Error::InUse(_))));
        assert!(matches!(done(with("10.300.5.0/24"), &store), Err(Error::Invalid(_))));
        assert_eq!(done(with("172.30.0.7/24"), &store).unwrap().subnets[0].subnet, "172.30.0.0/24");
        for name in ["host", "../x", "a b"] {
            assert!(done(named(name), &store).is_err());
        }
        let bridge = Network { network_interface: "podman0".into(), ..named("net") };
        assert!(matches!(done(bridge, &store), Err(Error::InUse(_))));
    }

    #[test]
    fn hostile_files_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        for (file, text) in [
            ("a.json", "{"),
            ("b.json", r#"{"name":"c"}"#),
            ("d.json", r#"{"name":"d","id":"../../../etc"}"#),
            ("e.json", "[]"),
        ] {
            fs::write(folder.path().join(file), text).unwrap();
        }
        assert_eq!(store.load().unwrap().len(), 1);
        assert!(matches!(store.find("d"), Err(Error::NetworkNotFound(_))));
    }
}
