//! What was set up for each container, kept in the run directory so that it can be taken down, repaired and
//! cleaned up from the container's id alone.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use cove_api::{Network, NetworkStatus, PublishedPort};
use cove_sys::fs;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::settings::has_own_bridge;

/// Layout version of [`Record`]; an unknown one is treated as unreadable.
const VERSION: u32 = 1;

/// One network of a [`Record`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RecordNetwork {
    /// The network as it was at set-up: its file may be gone at teardown.
    pub(crate) network: Network,
    /// Device in the container.
    pub(crate) interface: String,
    /// The host's end of the veth pair; empty for drivers without one.
    #[serde(default)]
    pub(crate) host_device: String,
    /// Leased addresses.
    pub(crate) addresses: Vec<IpAddr>,
    /// Names in the network's DNS.
    #[serde(default)]
    pub(crate) names: Vec<String>,
    /// What the caller was answered.
    pub(crate) status: NetworkStatus,
}

/// How a container's namespace is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Networks of this crate.
    #[default]
    Bridge,
    /// pasta.
    Pasta,
    /// slirp4netns.
    Slirp4netns,
}

/// Everything set up for one container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) version: u32,
    /// Hash of the engine state the container belongs to.
    pub(crate) owner: String,
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) mode: Mode,
    pub(crate) netns: PathBuf,
    /// By network name.
    #[serde(default)]
    pub(crate) networks: BTreeMap<String, RecordNetwork>,
    /// One entry for each single port and protocol.
    #[serde(default, with = "cove_api::port_ranges")]
    pub(crate) ports: Vec<PublishedPort>,
    /// Name servers the container's user asked for.
    #[serde(default)]
    pub(crate) dns_servers: Vec<String>,
    /// Helper processes as (pid, start time), to be ended at teardown.
    #[serde(default)]
    pub(crate) processes: Vec<(i32, u64)>,
}

impl Record {
    pub(crate) fn new(owner: &str, id: &str, name: &str, netns: &Path) -> Self {
        Self {
            version: VERSION,
            owner: owner.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            mode: Mode::Bridge,
            netns: netns.to_path_buf(),
            networks: BTreeMap::new(),
            ports: Vec::new(),
            dns_servers: Vec::new(),
            processes: Vec::new(),
        }
    }

    /// What leases and ports are marked with.
    pub(crate) fn holder(&self) -> String {
        format!("{}@{}", self.id, self.owner)
    }

    /// First address of the family in a network that published ports may lead into.
    pub(crate) fn target(&self, ipv4: bool) -> Option<IpAddr> {
        self.networks
            .values()
            .filter(|network| has_own_bridge(&network.network) && !network.network.internal)
            .flat_map(|network| &network.addresses)
            .find(|address| address.is_ipv4() == ipv4)
            .copied()
    }
}

/// The folder of records, one file each.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    folder: PathBuf,
}

impl Records {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, owner: &str, id: &str) -> PathBuf {
        self.folder.join(format!("{id}@{owner}.json"))
    }

    pub(crate) fn write(&self, record: &Record) -> Result<()> {
        let path = self.path(&record.owner, &record.id);
        fs::create_dir_all(&self.folder).map_err(|error| Error::file("creating", &self.folder, error))?;
        let text =
            serde_json::to_vec(record).map_err(|source| Error::Parse { path: path.clone(), source })?;
        cove_sys::atomic::write(&path, &text, 0o600).map_err(|error| Error::file("writing", &path, error))
    }

    /// The record, or `None` where there is none or it cannot be understood.
    pub(crate) fn read(&self, owner: &str, id: &str) -> Result<Option<Record>> {
        read(&self.path(owner, id))
    }

    pub(crate) fn exists(&self, holder: &str) -> bool {
        self.folder.join(format!("{holder}.json")).exists()
    }

    pub(crate) fn remove(&self, owner: &str, id: &str) -> Result<()> {
        let path = self.path(owner, id);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::file("removing", &path, error))
            }
            _ => Ok(()),
        }
    }

    /// All records of all owners; the firewall and the name server are shared by them.
    pub(crate) fn all(&self) -> Result<Vec<Record>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|error| Error::file("reading", &self.folder, error))?,
        };
        let mut records = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| Error::file("reading", &self.folder, error))?.path();
            if path.extension().is_some_and(|extension| extension == "json")
                && !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
                && let Some(record) = read(&path)?
            {
                records.push(record);
            }
        }
        Ok(records)
    }
}

fn read(path: &Path) -> Result<Option<Record>> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| Error::file("reading", path, error))?,
    };
    match serde_json::from_slice::<Record>(&text) {
        Ok(record) if record.version == VERSION => Ok(Some(record)),
        Ok(record) => {
            tracing::warn!("{}: unknown version {}", path.display(), record.version);
            Ok(None)
        }
        Err(error) => {
            tracing::warn!("{}: {error}", path.display());
            Ok(None)
        }
    }
}
