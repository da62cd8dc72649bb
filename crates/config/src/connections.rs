//! Named connections to engines, in the file that podman uses too (`podman-connections.json`).
//!
//! The file belongs to several programs: fields that we do not know are kept when we write it. Connections of
//! containers.conf are listed as well, read-only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::containers::ContainersConf;
use crate::error::{Error, ParseError, Result};
use crate::file;

/// Where a connection leads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// `unix://`, `ssh://user@host:port/path`, `tcp://host:port` or `npipe://`.
    #[serde(rename = "URI", alias = "uri", default)]
    pub uri: String,
    /// Private key for ssh.
    #[serde(rename = "Identity", alias = "identity", default, skip_serializing_if = "String::is_empty")]
    pub identity: String,
    /// Client certificate for `tcp://`.
    #[serde(rename = "TLSCert", alias = "tls_cert", default, skip_serializing_if = "String::is_empty")]
    pub tls_cert: String,
    /// Client key for `tcp://`.
    #[serde(rename = "TLSKey", alias = "tls_key", default, skip_serializing_if = "String::is_empty")]
    pub tls_key: String,
    /// CA for `tcp://`.
    #[serde(rename = "TLSCA", alias = "tls_ca", default, skip_serializing_if = "String::is_empty")]
    pub tls_ca: String,
    /// Whether a machine registered it.
    #[serde(rename = "IsMachine", alias = "is_machine", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_machine: bool,
    /// Fields that another program wrote.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// A connection with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its name.
    pub name: String,
    /// Where it leads.
    pub destination: Destination,
    /// Whether it is used where none is named.
    pub is_default: bool,
    /// Whether it can be changed; false for those of containers.conf.
    pub writable: bool,
}

/// The contents of the connections file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConnectionsFile {
    /// The connections.
    #[serde(rename = "Connection")]
    pub connection: ConnectionTable,
    /// Farms; see [`crate::farms`].
    #[serde(rename = "Farm", deserialize_with = "null_as_default")]
    pub farm: Map<String, Value>,
    /// Fields that another program wrote.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The connections and which is the default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConnectionTable {
    /// Name of the default; empty for none.
    #[serde(rename = "Default", skip_serializing_if = "String::is_empty")]
    pub default: String,
    /// Destinations by name.
    #[serde(
        rename = "Connections",
        deserialize_with = "null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub connections: BTreeMap<String, Destination>,
    /// Fields that another program wrote.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Go writes an empty map as `null`.
fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

impl ConnectionsFile {
    /// Parses the file; an empty text is an empty file.
    ///
    /// # Errors
    /// No JSON, or fields of the wrong type.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(text).map_err(|error| ParseError::from_json(&error))
    }
}

/// The connections of one user: the file, and those of containers.conf beneath it.
#[derive(Debug, Clone)]
pub struct Connections {
    path: PathBuf,
    read_only: BTreeMap<String, Destination>,
    read_only_default: Option<String>,
    farms: BTreeMap<String, Vec<String>>,
    farm: String,
}

impl Connections {
    /// For the file `path` (see [`crate::Directories::connections_file`]) and the given containers.conf.
    pub fn new(path: PathBuf, conf: &ContainersConf) -> Self {
        Self {
            path,
            read_only: conf.engine.service_destinations.clone().unwrap_or_default(),
            read_only_default: conf.engine.active_service.clone().filter(|name| !name.is_empty()),
            farms: conf.farms.list.clone().unwrap_or_default(),
            farm: conf.farms.default.clone().unwrap_or_default(),
        }
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All connections, sorted by name.
    ///
    /// # Errors
    /// The file cannot be read or parsed.
    pub fn list(&self) -> Result<Vec<Connection>> {
        let file = self.read()?;
        let default = self.default_of(&file);
        let mut all: BTreeMap<String, (Destination, bool)> =
            self.read_only.iter().map(|(name, to)| (name.clone(), (to.clone(), false))).collect();
        for (name, destination) in file.connection.connections {
            all.insert(name, (destination, true));
        }
        Ok(all
            .into_iter()
            .map(|(name, (destination, writable))| Connection {
                is_default: default.as_deref() == Some(&name),
                name,
                destination,
                writable,
            })
            .collect())
    }

    /// One connection by name.
    ///
    /// # Errors
    /// [`Error::ConnectionNotFound`], or the file cannot be read.
    pub fn get(&self, name: &str) -> Result<Connection> {
        self.list()?
            .into_iter()
            .find(|connection| connection.name == name)
            .ok_or_else(|| Error::ConnectionNotFound { name: name.to_owned() })
    }

    /// The default connection.
    ///
    /// # Errors
    /// [`Error::NoDefaultConnection`], the default does not exist, or the file cannot be read.
    pub fn default_connection(&self) -> Result<Connection> {
        let name = self.default_of(&self.read()?).ok_or(Error::NoDefaultConnection)?;
        self.get(&name)
    }

    /// Adds a connection. It becomes the default where `make_default` says so or where it is the first one.
    ///
    /// # Errors
    /// The name is not allowed or taken, or the file cannot be changed.
    pub fn add(&self, name: &str, destination: Destination, make_default: bool) -> Result<()> {
        check_name(name)?;
        self.edit(|file| {
            if file.connection.connections.contains_key(name) {
                return Err(Error::ConnectionExists { name: name.to_owned() });
            }
            if make_default || (file.connection.connections.is_empty() && self.default_of(file).is_none()) {
                file.connection.default = name.to_owned();
            }
            file.connection.connections.insert(name.to_owned(), destination);
            Ok(())
        })
    }

    /// Adds a connection or changes it where it is there: how a machine registers itself.
    ///
    /// # Errors
    /// As [`Connections::add`], but for a taken name.
    pub fn set(&self, name: &str, destination: Destination, make_default: bool) -> Result<()> {
        check_name(name)?;
        self.edit(|file| {
            if make_default {
                file.connection.default = name.to_owned();
            }
            file.connection.connections.insert(name.to_owned(), destination);
            Ok(())
        })
    }

    /// Removes connections. Where the default is among them, there is none afterwards.
    ///
    /// # Errors
    /// One is not there or is in containers.conf (then nothing is removed), or the file cannot be changed.
    pub fn remove(&self, names: &[&str]) -> Result<()> {
        self.edit(|file| {
            for name in names {
                if file.connection.connections.remove(*name).is_none() {
                    let name = (*name).to_owned();
                    return Err(if self.read_only.contains_key(&name) {
                        Error::ConnectionReadOnly { name }
                    } else {
                        Error::ConnectionNotFound { name }
                    });
                }
                if file.connection.default == **name {
                    file.connection.default.clear();
                }
            }
            Ok(())
        })
    }

    /// Removes all connections of the file and returns their names.
    ///
    /// # Errors
    /// The file cannot be changed.
    pub fn remove_all(&self) -> Result<Vec<String>> {
        self.edit(|file| {
            file.connection.default.clear();
            Ok(std::mem::take(&mut file.connection.connections).into_keys().collect())
        })
    }

    /// Gives a connection another name; it stays the default where it was.
    ///
    /// # Errors
    /// The old name is not there, the new one is not allowed or taken, or the file cannot be changed.
    pub fn rename(&self, old: &str, new: &str) -> Result<()> {
        check_name(new)?;
        self.edit(|file| {
            if old != new && file.connection.connections.contains_key(new) {
                return Err(Error::ConnectionExists { name: new.to_owned() });
            }
            let destination = file
                .connection
                .connections
                .remove(old)
                .ok_or_else(|| Error::ConnectionNotFound { name: old.to_owned() })?;
            file.connection.connections.insert(new.to_owned(), destination);
            if file.connection.default == old {
                file.connection.default = new.to_owned();
            }
            Ok(())
        })
    }

    /// Makes a connection the default.
    ///
    /// # Errors
    /// It does not exist, or the file cannot be changed.
    pub fn set_default(&self, name: &str) -> Result<()> {
        self.edit(|file| {
            if !file.connection.connections.contains_key(name) && !self.read_only.contains_key(name) {
                return Err(Error::ConnectionNotFound { name: name.to_owned() });
            }
            file.connection.default = name.to_owned();
            Ok(())
        })
    }

    /// Changes the file under a lock beside it and replaces it whole.
    ///
    /// # Errors
    /// Those of `change`, or the file cannot be read, locked or written.
    pub fn edit<T>(&self, change: impl FnOnce(&mut ConnectionsFile) -> Result<T>) -> Result<T> {
        if let Some(folder) = self.path.parent() {
            cove_sys::fs::create_dir_all(folder).map_err(|error| Error::write(&self.path, error))?;
        }
        let mut lock_path = self.path.clone().into_os_string();
        lock_path.push(".lock");
        let _lock = cove_sys::lock::FileLock::exclusive(Path::new(&lock_path))
            .map_err(|error| Error::write(Path::new(&lock_path), error))?;
        let mut file = self.read()?;
        let result = change(&mut file)?;
        let mut text = serde_json::to_vec(&file)
            .map_err(|error| Error::write(&self.path, std::io::Error::other(error)))?;
        text.push(b'\n');
        cove_sys::atomic::write(&self.path, &text, 0o644).map_err(|error| Error::write(&self.path, error))?;
        Ok(result)
    }

    /// Farms of containers.conf.
    pub(crate) fn read_only_farms(&self) -> &BTreeMap<String, Vec<String>> {
        &self.farms
    }

    /// The default farm of containers.conf; empty for none.
    pub(crate) fn read_only_farm(&self) -> &str {
        &self.farm
    }

    pub(crate) fn read(&self) -> Result<ConnectionsFile> {
        match file::read(self.path.clone())? {
            None => Ok(ConnectionsFile::default()),
            Some(source) => {
                ConnectionsFile::parse(&source.text).map_err(|error| Error::parse(&self.path, error))
            }
        }
    }

    fn default_of(&self, file: &ConnectionsFile) -> Option<String> {
        Some(file.connection.default.clone())
            .filter(|name| !name.is_empty())
            .or_else(|| self.read_only_default.clone())
    }
}

pub(crate) fn check_name(name: &str) -> Result<()> {
    let first = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let allowed = name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    if first && allowed && name.len() <= 255 {
        return Ok(());
    }
    Err(Error::Invalid {
        what: "connection name".to_owned(),
        value: name.to_owned(),
        reason: "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(name: &str) -> (PathBuf, Connections) {
        let folder = std::env::temp_dir().join(format!("cove-connections-{name}-{}", std::process::id()));
        let _ = cove_sys::fs::remove_dir_all(&folder);
        let mut conf = ContainersConf::built_in();
        let fixed = Destination { uri: "unix:///fixed".to_owned(), ..Destination::default() };
        conf.engine.service_destinations = Some([("fixed".to_owned(), fixed)].into());
        let path = folder.join("podman-connections.json");
        (folder, Connections::new(path, &conf))
    }

    fn to(uri: &str) -> Destination {
        Destination { uri: uri.to_owned(), ..Destination::default() }
    }

    #[test]
    fn life_of_a_connection() {
        let (folder, all) = connections("life");
        assert!(matches!(all.default_connection(), Err(Error::NoDefaultConnection)));
        all.add("one", to("ssh://a@b:22/run/x.sock"), false).unwrap();
        all.add("two", to("unix:///two"), false).unwrap();
        assert!(matches!(all.add("two", to("x"), false), Err(Error::ConnectionExists { .. })));
        assert!(all.add("../x", to("x"), false).is_err());
        assert_eq!(all.default_connection().unwrap().name, "one");
        all.set_default("two").unwrap();
        all.rename("two", "three").unwrap();
        assert_eq!(all.default_connection().unwrap().destination.uri, "unix:///two");
        let names: Vec<_> =
            all.list().unwrap().into_iter().map(|c| (c.name, c.writable, c.is_default)).collect();
        let expected = [("fixed", false, false), ("one", true, false), ("three", true, true)];
        assert_eq!(names, expected.map(|(name, writable, default)| (name.to_owned(), writable, default)));
        assert!(matches!(all.remove(&["fixed"]), Err(Error::ConnectionReadOnly { .. })));
        all.remove(&["three"]).unwrap();
        assert!(all.default_connection().is_err());
        assert_eq!(all.remove_all().unwrap(), ["one"]);
        cove_sys::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn keeps_what_podman_wrote() {
        let (folder, all) = connections("keep");
        cove_sys::fs::create_dir_all(&folder).unwrap();
        let text = r#"{"Connection":{"Default":"m","Connections":{"m":{"URI":"ssh://x","IsMachine":true,"New":1}}},
            "Farm":{"Default":"f","List":{"f":["m"]}},"Later":true}"#;
        cove_sys::fs::write(all.path(), text).unwrap();
        all.add("n", to("unix:///n"), false).unwrap();
        let written: Value =
            serde_json::from_str(&cove_sys::fs::read_to_string(all.path()).unwrap()).unwrap();
        assert_eq!(written["Farm"]["List"]["f"][0], "m");
        assert_eq!(written["Later"], true);
        assert_eq!(written["Connection"]["Connections"]["m"]["New"], 1);
        assert_eq!(written["Connection"]["Default"], "m");
        cove_sys::fs::write(all.path(), r#"{"Connection":{"Connections":null},"Farm":null}"#).unwrap();
        assert_eq!(all.list().unwrap().len(), 1);
        cove_sys::fs::write(all.path(), "{\n\"Connection\": 3}").unwrap();
        let error = all.list().unwrap_err().to_string();
        assert!(error.contains("podman-connections.json:2"), "{error}");
        cove_sys::fs::remove_dir_all(&folder).unwrap();
    }
}
