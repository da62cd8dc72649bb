//! Containers in the database.

use std::str::FromStr;

use cove_api::{ContainerSpec, ContainerState};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::record::{ContainerConfig, ContainerStatus, RECORD_VERSION};
use super::{Database, StateError};

/// A container as the database has it.
#[derive(Debug, Clone)]
pub(crate) struct ContainerRow {
    /// The whole id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Nanoseconds since the epoch.
    pub(crate) created: i64,
    /// Its state at the last change.
    pub(crate) state: ContainerState,
    /// What it is.
    pub(crate) config: ContainerConfig,
    /// What became of it.
    pub(crate) status: ContainerStatus,
}

/// Seconds for which exit codes of removed containers are kept.
const EXIT_CODES_KEPT: i64 = 300;

const COLUMNS: &str = "id, name, created, state, config, status";

/// How a lookup by name, id or start of an id went.
#[derive(Debug)]
pub(crate) enum Lookup<T> {
    /// One is meant.
    Found(T),
    /// None.
    Missing,
    /// Several ids begin so.
    Ambiguous,
}

impl Database {
    /// Adds a container with its relations; [`None`] where the name is free, else the id that has it.
    pub(crate) fn add_container(
        &self,
        row: &ContainerRow,
        request: &ContainerSpec,
        durable: bool,
    ) -> Result<Option<String>, StateError> {
        self.transaction(durable, |transaction| insert_container(self, transaction, row, request))
    }

    /// The request a container was made from. For `inspect` alone: everything else reads what became of it,
    /// [`ContainerRow::config`].
    pub(crate) fn request(&self, id: &str) -> Result<ContainerSpec, StateError> {
        let text: Option<String> = {
            let connection = self.lock();
            let run = || -> rusqlite::Result<Option<String>> {
                connection
                    .prepare_cached("SELECT request FROM containers WHERE id = ?1")?
                    .query_row([id], |row| row.get(0))
                    .optional()
            };
            run().map_err(|error| self.error(error))?
        };
        text.map_or_else(|| Ok(ContainerSpec::default()), |text| decode(id, &text))
    }

    /// Writes state and status.
    pub(crate) fn save_status(
        &self,
        id: &str,
        state: ContainerState,
        status: &ContainerStatus,
    ) -> Result<(), StateError> {
        let status = encode(id, status)?;
        let connection = self.lock();
        let run = || -> rusqlite::Result<()> {
            connection
                .prepare_cached("UPDATE containers SET state = ?2, status = ?3 WHERE id = ?1")?
                .execute(params![id, state.as_str(), status])?;
            Ok(())
        };
        run().map_err(|error| self.error(error))
    }

    /// Writes what a container is, and the request it is told by. Its relations stay.
    pub(crate) fn save_config(
        &self,
        id: &str,
        config: &ContainerConfig,
        request: &ContainerSpec,
    ) -> Result<(), StateError> {
        let (config, request) = (encode(id, config)?, encode(id, request)?);
        let connection = self.lock();
        let run = || -> rusqlite::Result<()> {
            connection
                .prepare_cached("UPDATE containers SET config = ?2, request = ?3 WHERE id = ?1")?
                .execute(params![id, config, request])?;
            Ok(())
        };
        run().map_err(|error| self.error(error))
    }

    /// Gives a container a new name; the id of the container that has it already, where there is one.
    pub(crate) fn rename_container(&self, id: &str, name: &str) -> Result<Option<String>, StateError> {
        self.transaction(true, |transaction| {
            let run = || -> rusqlite::Result<Option<String>> {
                let holder = holder_of(transaction, name)?;
                if holder.is_none() {
                    transaction.execute("UPDATE containers SET name = ?2 WHERE id = ?1", [id, name])?;
                }
                Ok(holder)
            };
            run().map_err(|error| self.error(error))
        })
    }

    /// The container of exactly that id.
    pub(crate) fn container(&self, id: &str) -> Result<Option<ContainerRow>, StateError> {
        self.one_row("id = ?1", id)?.map(|raw| self.decoded(raw)).transpose()
    }

    fn one_row(&self, condition: &str, value: &str) -> Result<Option<RawRow>, StateError> {
        let connection = self.lock();
        let run = || -> rusqlite::Result<Option<RawRow>> {
            connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM containers WHERE {condition}"))?
                .query_row([value], RawRow::read)
                .optional()
        };
        run().map_err(|error| self.error(error))
    }

    /// The container meant by a name, an id, or the start of an id.
    pub(crate) fn find_container(&self, wanted: &str) -> Result<Lookup<ContainerRow>, StateError> {
        Ok(match self.find_row(wanted)? {
            Lookup::Found(raw) => Lookup::Found(self.decoded(raw)?),
            Lookup::Missing => Lookup::Missing,
            Lookup::Ambiguous => Lookup::Ambiguous,
        })
    }

    /// The id of the one container meant, where there is one whose record cannot be read.
    pub(crate) fn unreadable(&self, wanted: &str) -> Result<Option<String>, StateError> {
        let Lookup::Found(raw) = self.find_row(wanted)? else { return Ok(None) };
        let id = raw.id.clone();
        match self.decoded(raw) {
            Ok(_) => Ok(None),
            Err(
                StateError::Record { .. } | StateError::RecordVersion { .. } | StateError::Upgrade { .. },
            ) => Ok(Some(id)),
            Err(error) => Err(error),
        }
    }

    fn find_row(&self, wanted: &str) -> Result<Lookup<RawRow>, StateError> {
        if let Some(raw) = self.one_row("name = ?1", wanted)? {
            return Ok(Lookup::Found(raw));
        }
        if !is_hexadecimal(wanted) || wanted.len() > 64 {
            return Ok(Lookup::Missing);
        }
        let connection = self.lock();
        let run = || -> rusqlite::Result<Vec<RawRow>> {
            // Ids are lower-case hexadecimal, so all that begin so lie between the two bounds.
            connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM containers WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2"
                ))?
                .query_map([wanted], RawRow::read)?
                .collect()
        };
        let mut raw = run().map_err(|error| self.error(error))?;
        if raw.len() > 1 {
            return Ok(Lookup::Ambiguous);
        }
        Ok(raw.pop().map_or(Lookup::Missing, Lookup::Found))
    }

    /// All containers, oldest first.
    pub(crate) fn containers(&self) -> Result<Vec<ContainerRow>, StateError> {
        self.many_containers("1", &[])
    }

    /// Containers made from the image.
    pub(crate) fn containers_of_image(&self, image: &str) -> Result<Vec<ContainerRow>, StateError> {
        self.many_containers("image = ?1", &[image])
    }

    /// Containers that use the volume.
    pub(crate) fn containers_of_volume(&self, volume: &str) -> Result<Vec<ContainerRow>, StateError> {
        self.many_containers("id IN (SELECT container FROM container_volumes WHERE volume = ?1)", &[volume])
    }

    /// Containers on the network.
    pub(crate) fn containers_of_network(&self, network: &str) -> Result<Vec<ContainerRow>, StateError> {
        self.many_containers(
            "id IN (SELECT container FROM container_networks WHERE network = ?1)",
            &[network],
        )
    }

    /// Containers that use the container's namespaces or volumes.
    pub(crate) fn dependents(&self, id: &str) -> Result<Vec<ContainerRow>, StateError> {
        self.many_containers("id IN (SELECT container FROM container_dependencies WHERE needs = ?1)", &[id])
    }

    /// Containers of the pod, oldest first.
    pub(crate) fn containers_of_pod(&self, pod: &str) -> Result<Vec<ContainerRow>, StateError> {
        self.many_containers("pod = ?1", &[pod])
    }

    fn many_containers(&self, rest: &str, values: &[&str]) -> Result<Vec<ContainerRow>, StateError> {
        let raw = {
            let connection = self.lock();
            let run = || -> rusqlite::Result<Vec<RawRow>> {
                connection
                    .prepare_cached(&format!("SELECT {COLUMNS} FROM containers WHERE {rest}"))?
                    .query_map(rusqlite::params_from_iter(values), RawRow::read)?
                    .collect()
            };
            run().map_err(|error| self.error(error))?
        };
        let rows = raw.into_iter().map(|raw| self.decoded(raw));
        let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
        // The database would copy whole rows to sort them.
        rows.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
        Ok(rows)
    }

    /// The row with all it says; one of an older version is brought up to date.
    fn decoded(&self, raw: RawRow) -> Result<ContainerRow, StateError> {
        let config = match raw.config()? {
            Some(config) => config,
            None => self.bring_up_to_date(&raw)?,
        };
        raw.with(config)
    }

    /// Brings a configuration of an older version up to date, and keeps it so. Others may do the same meanwhile.
    fn bring_up_to_date(&self, raw: &RawRow) -> Result<ContainerConfig, StateError> {
        let (config, request) =
            (self.upgrade)(&raw.config).map_err(|source| StateError::Upgrade { what: raw.what(), source })?;
        self.lock()
            .execute(
                "UPDATE containers SET config = ?2, request = ?3 WHERE id = ?1 AND config = ?4",
                [&raw.id, &config, &request, &raw.config],
            )
            .map_err(|error| self.error(error))?;
        decode(&raw.id, &config)
    }

    /// The volumes that were made with a container and go with it.
    pub(crate) fn anonymous_volumes_of(&self, id: &str) -> Result<Vec<String>, StateError> {
        let connection = self.lock();
        let run = || -> rusqlite::Result<Vec<String>> {
            connection
                .prepare(
                    "SELECT name FROM volumes JOIN container_volumes ON volume = name
                     WHERE container = ?1 AND anonymous",
                )?
                .query_map([id], |row| row.get(0))?
                .collect()
        };
        run().map_err(|error| self.error(error))
    }

    /// Takes a container out, with its exec sessions and relations.
    pub(crate) fn remove_container(&self, id: &str) -> Result<(), StateError> {
        self.transaction(false, |transaction| {
            transaction
                .prepare_cached("DELETE FROM containers WHERE id = ?1")
                .and_then(|mut statement| statement.execute([id]))
                .map(drop)
                .map_err(|error| self.error(error))
        })
    }

    /// Keeps an exit code for those who ask after the container is gone; forgets those of long ago.
    pub(crate) fn keep_exit_code(&self, id: &str, code: i32) -> Result<(), StateError> {
        let now = jiff::Timestamp::now().as_second();
        let connection = self.lock();
        let run = || -> rusqlite::Result<()> {
            connection
                .prepare_cached("INSERT OR REPLACE INTO exit_codes (id, code, time) VALUES (?1, ?2, ?3)")?
                .execute(params![id, code, now])?;
            connection
                .prepare_cached("DELETE FROM exit_codes WHERE time < ?1")?
                .execute([now - EXIT_CODES_KEPT])?;
            Ok(())
        };
        run().map_err(|error| self.error(error))
    }

    /// The last exit code of a container, also of one that is gone since a short time.
    pub(crate) fn exit_code(&self, id: &str) -> Result<Option<i32>, StateError> {
        let connection = self.lock();
        let run = || -> rusqlite::Result<Option<i32>> {
            connection
                .prepare_cached("SELECT code FROM exit_codes WHERE id = ?1")?
                .query_row([id], |row| row.get(0))
                .optional()
        };
        run().map_err(|error| self.error(error))
    }
}

/// Adds a container with its relations; [`None`] where the name is free, else the id that has it.
pub(super) fn insert_container(
    database: &Database,
    transaction: &Transaction<'_>,
    row: &ContainerRow,
    request: &ContainerSpec,
) -> Result<Option<String>, StateError> {
    let config = encode(&row.id, &row.config)?;
    let request = encode(&row.id, request)?;
    let status = encode(&row.id, &row.status)?;
    let run = || -> rusqlite::Result<Option<String>> {
        let holder = holder_of(transaction, &row.name)?;
        if holder.is_some() {
            return Ok(holder);
        }
        transaction
            .prepare_cached(
                "INSERT INTO containers (id, name, created, image, state, config, status, request, pod)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, nullif(?9, ''))",
            )?
            .execute(params![
                row.id,
                row.name,
                row.created,
                row.config.image.id,
                row.state.as_str(),
                config,
                status,
                request,
                row.config.pod
            ])?;
        write_relations(transaction, &row.id, &row.config)?;
        Ok(None)
    };
    run().map_err(|error| database.error(error))
}

/// The id of the container or pod with that name.
fn holder_of(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<Option<String>> {
    transaction
        .prepare_cached(
            "SELECT id FROM containers WHERE name = ?1 UNION ALL SELECT id FROM pods WHERE name = ?1",
        )?
        .query_row([name], |found| found.get(0))
        .optional()
}

fn write_relations(
    transaction: &Transaction<'_>,
    id: &str,
    config: &ContainerConfig,
) -> rusqlite::Result<()> {
    for volume in &config.volumes {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO container_volumes (container, volume) VALUES (?1, ?2)")?
            .execute([id, &volume.name])?;
    }
    for network in config.networks.keys() {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO container_networks (container, network) VALUES (?1, ?2)")?
            .execute([id, network])?;
    }
    for needed in &config.dependencies {
        transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO container_dependencies (container, needs) VALUES (?1, ?2)",
            )?
            .execute([id, needed])?;
    }
    Ok(())
}

struct RawRow {
    id: String,
    name: String,
    created: i64,
    state: String,
    config: String,
    status: String,
}

impl RawRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            created: row.get(2)?,
            state: row.get(3)?,
            config: row.get(4)?,
            status: row.get(5)?,
        })
    }

    fn what(&self) -> String {
        format!("container {} ({})", self.name, self.id)
    }

    /// What it is; [`None`] where an older version has said that.
    fn config(&self) -> Result<Option<ContainerConfig>, StateError> {
        let what = || self.what();
        match versioned(what, &self.config, |config: &ContainerConfig| config.version) {
            Ok(config) => Ok((config.version == RECORD_VERSION).then_some(config)),
            Err(StateError::Record { .. }) if (1..RECORD_VERSION).contains(&version_of(&self.config)) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn with(self, config: ContainerConfig) -> Result<ContainerRow, StateError> {
        let what = || self.what();
        let status = versioned(what, &self.status, |status: &ContainerStatus| status.version)?;
        // A state this version does not know is shown as the most harmless one.
        let state = ContainerState::from_str(&self.state).unwrap_or(ContainerState::Exited);
        Ok(ContainerRow { id: self.id, name: self.name, created: self.created, state, config, status })
    }
}

pub(super) fn encode<T: serde::Serialize>(what: &str, value: &T) -> Result<String, StateError> {
    serde_json::to_string(value).map_err(|source| StateError::Record { what: what.to_owned(), source })
}

pub(super) fn decode<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T, StateError> {
    serde_json::from_str(text).map_err(|source| StateError::Record { what: what.to_owned(), source })
}

/// Reads a document that says its version; one of a newer program is refused, whether it can be read or not.
fn versioned<T: serde::de::DeserializeOwned>(
    what: impl Fn() -> String,
    text: &str,
    version: impl FnOnce(&T) -> u32,
) -> Result<T, StateError> {
    let read = serde_json::from_str(text);
    match read.as_ref().map_or_else(|_| version_of(text), version) {
        found if found > RECORD_VERSION => Err(StateError::RecordVersion { what: what(), found }),
        _ => read.map_err(|source| StateError::Record { what: what(), source }),
    }
}

/// The version that a document of any form says; 0 where it says none.
fn version_of(text: &str) -> u32 {
    #[derive(serde::Deserialize)]
    struct Any {
        #[serde(default)]
        version: u32,
    }
    serde_json::from_str(text).map_or(0, |any: Any| any.version)
}

pub(super) fn is_hexadecimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
