//! The table of secrets, `secrets.json`, as podman keeps it (containers/common, `pkg/secrets`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use cove_api::{Concealed, Error, ErrorKind, Result, Secret, SecretDriver, SecretSpec, StringMap, Timestamp};
use cove_storage::LockedFile;
use serde::{Deserialize, Serialize};

use crate::engine::Core;
use crate::error::storage;

/// Largest table, in bytes.
const MAX_TABLE: u64 = 64 << 20;

/// Length of an id.
pub(super) const ID_LENGTH: usize = 25;

/// One row. Fields of other versions are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) id: String,
    #[serde(default, skip_serializing_if = "StringMap::is_empty")]
    pub(super) labels: StringMap,
    #[serde(default, skip_serializing_if = "StringMap::is_empty")]
    pub(super) metadata: StringMap,
    #[serde(rename = "createdAt")]
    pub(super) created_at: Timestamp,
    #[serde(rename = "updatedAt", default = "cove_api::zero_time")]
    pub(super) updated_at: Timestamp,
    pub(super) driver: String,
    #[serde(rename = "driverOptions", default, deserialize_with = "null_is_empty")]
    pub(super) driver_options: StringMap,
    #[serde(flatten)]
    pub(super) others: serde_json::Map<String, serde_json::Value>,
}

/// Go writes an empty map as null.
fn null_is_empty<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<StringMap, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Row {
    /// As users see it.
    pub(super) fn shown(&self, data: Concealed) -> Secret {
        Secret {
            id: self.id.clone(),
            created_at: self.created_at,
            updated_at: if self.updated_at == cove_api::zero_time() {
                self.created_at
            } else {
                self.updated_at
            },
            spec: SecretSpec {
                name: self.name.clone(),
                driver: SecretDriver { name: self.driver.clone(), options: self.driver_options.clone() },
                labels: self.labels.clone(),
            },
            secret_data: data,
        }
    }
}

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Document {
    secrets: BTreeMap<String, Row>,
    #[serde(rename = "nameToID")]
    name_to_id: StringMap,
    #[serde(rename = "idToName")]
    id_to_name: StringMap,
}

/// The table, locked as long as it lives.
#[derive(Debug)]
pub(super) struct Table {
    document: Document,
    path: PathBuf,
    _lock: LockedFile,
}

/// Where the table lies.
pub(crate) fn folder(core: &Core) -> PathBuf {
    core.options.storage.graph_root.join("secrets")
}

/// The error for a secret that does not exist, in podman's words.
pub(super) fn no_such_secret(name: &str) -> Error {
    Error::not_found(format!("no secret with name or id {name:?}: no such secret"))
}

impl Table {
    /// Locks and reads it.
    pub(super) fn open(core: &Core) -> Result<Self> {
        let folder = folder(core);
        crate::state::make_private(&folder)?;
        let lock = cove_storage::lock_file(&folder.join("secrets.lock")).map_err(storage)?;
        let path = folder.join("secrets.json");
        let document = match cove_sys::read::bounded(&path, MAX_TABLE)? {
            None => Document::default(),
            Some(text) => serde_json::from_slice(&text)
                .map_err(|error| Error::internal(format!("{}: {error}", path.display())))?,
        };
        Ok(Self { document, path, _lock: lock })
    }

    /// All rows, by name.
    pub(super) fn rows(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.document.secrets.values().collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        rows
    }

    /// The one whose name or id that is exactly.
    pub(super) fn exact(&self, name: &str) -> Option<&Row> {
        let secrets = &self.document.secrets;
        secrets.get(name).or_else(|| secrets.values().find(|row| row.name == name))
    }

    /// The one meant by a name, an id or the start of an id.
    pub(super) fn find(&self, name: &str) -> Result<&Row> {
        if let Some(row) = self.exact(name) {
            return Ok(row);
        }
        let mut found = self.document.secrets.values().filter(|row| row.id.starts_with(name));
        match (found.next(), found.next()) {
            (Some(row), None) if !name.is_empty() => Ok(row),
            (Some(_), Some(_)) if !name.is_empty() => Err(Error::invalid(format!(
                "more than one result secret with prefix {name}: secret is ambiguous"
            ))),
            _ => Err(no_such_secret(name)),
        }
    }

    /// Enters a row in the place of `former`, and writes the table.
    pub(super) fn put(&mut self, row: Row, former: Option<&str>) -> Result<()> {
        if let Some(former) = former {
            self.drop_row(former);
        }
        self.document.name_to_id.insert(row.name.clone(), row.id.clone());
        self.document.id_to_name.insert(row.id.clone(), row.name.clone());
        self.document.secrets.insert(row.id.clone(), row);
        self.write()
    }

    /// Takes a row out, and writes the table.
    pub(super) fn remove(&mut self, id: &str) -> Result<()> {
        self.drop_row(id);
        self.write()
    }

    fn drop_row(&mut self, id: &str) {
        if let Some(row) = self.document.secrets.remove(id) {
            self.document.name_to_id.remove(&row.name);
        }
        self.document.id_to_name.remove(id);
    }

    /// An id that no row has.
    pub(super) fn new_id(&self) -> Result<String> {
        loop {
            let mut id = crate::name::random_id()?;
            id.truncate(ID_LENGTH);
            if !self.document.secrets.contains_key(&id) {
                return Ok(id);
            }
        }
    }

    fn write(&self) -> Result<()> {
        let text = serde_json::to_vec_pretty(&self.document)
            .map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
        Ok(cove_sys::atomic::write(&self.path, &text, 0o600)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What podman 5 writes.
    #[test]
    fn podmans_table_is_read_and_kept() {
        let text = r#"{
  "secrets": {
    "0123456789abcdef012345678": {
      "name": "one", "id": "0123456789abcdef012345678", "metadata": {"k": "v"},
      "createdAt": "2026-01-02T03:04:05.6+01:00", "updatedAt": "0001-01-01T00:00:00Z",
      "driver": "file", "driverOptions": {"path": "/x"}, "later": 1
    }
  },
  "nameToID": {"one": "0123456789abcdef012345678"},
  "idToName": {"0123456789abcdef012345678": "one"}
}"#;
        let document: Document = serde_json::from_str(text).unwrap();
        let row = &document.secrets["0123456789abcdef012345678"];
        let shown = row.shown(Concealed::default());
        assert_eq!(shown.updated_at, shown.created_at);
        let again = serde_json::to_value(&document).unwrap();
        assert_eq!(again["secrets"]["0123456789abcdef012345678"]["later"], 1);
        assert_eq!(again["idToName"]["0123456789abcdef012345678"], "one");
    }
}
