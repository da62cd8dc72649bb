//! Volumes in the database.

use cove_api::Volume;
use rusqlite::{OptionalExtension, params};

use super::containers::Lookup;
use super::{Database, StateError};

impl Database {
    /// Adds a volume; false where one of that name exists.
    pub(crate) fn add_volume(&self, volume: &Volume) -> Result<bool, StateError> {
        let config = encode(volume)?;
        let created = i64::try_from(volume.created_at.as_nanosecond()).unwrap_or_default();
        self.transaction(true, |transaction| {
            transaction
                .execute(
                    "INSERT OR IGNORE INTO volumes (name, created, anonymous, config) VALUES (?1, ?2, ?3, ?4)",
                    params![volume.name, created, volume.anonymous, config],
                )
                .map(|count| count > 0)
                .map_err(|error| self.error(error))
        })
    }

    /// Writes a volume that has changed.
    pub(crate) fn save_volume(&self, volume: &Volume) -> Result<(), StateError> {
        let config = encode(volume)?;
        let connection = self.lock();
        connection
            .execute("UPDATE volumes SET config = ?2 WHERE name = ?1", params![volume.name, config])
            .map(drop)
            .map_err(|error| self.error(error))
    }

    /// The volume of exactly that name.
    pub(crate) fn volume(&self, name: &str) -> Result<Option<Volume>, StateError> {
        let text: Option<String> = {
            let connection = self.lock();
            let run = || -> rusqlite::Result<Option<String>> {
                connection
                    .prepare_cached("SELECT config FROM volumes WHERE name = ?1")?
                    .query_row([name], |row| row.get(0))
                    .optional()
            };
            run().map_err(|error| self.error(error))?
        };
        text.map(|text| decode(name, &text)).transpose()
    }

    /// The volume meant by a name or the start of one.
    pub(crate) fn find_volume(&self, wanted: &str) -> Result<Lookup<Volume>, StateError> {
        if let Some(volume) = self.volume(wanted)? {
            return Ok(Lookup::Found(volume));
        }
        let mut matching = self.volumes()?.into_iter().filter(|volume| volume.name.starts_with(wanted));
        match (matching.next(), matching.next()) {
            (Some(one), None) if !wanted.is_empty() => Ok(Lookup::Found(one)),
            (Some(_), Some(_)) if !wanted.is_empty() => Ok(Lookup::Ambiguous),
            _ => Ok(Lookup::Missing),
        }
    }

    /// All volumes by name.
    pub(crate) fn volumes(&self) -> Result<Vec<Volume>, StateError> {
        let texts: Vec<(String, String)> = {
            let connection = self.lock();
            let run = || -> rusqlite::Result<_> {
                connection
                    .prepare_cached("SELECT name, config FROM volumes ORDER BY name")?
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect()
            };
            run().map_err(|error| self.error(error))?
        };
        texts.into_iter().map(|(name, text)| decode(&name, &text)).collect()
    }

    /// Takes a volume out; false where a container uses it.
    pub(crate) fn remove_volume(&self, name: &str) -> Result<bool, StateError> {
        self.transaction(false, |transaction| {
            match transaction.execute("DELETE FROM volumes WHERE name = ?1", [name]) {
                Ok(_) => Ok(true),
                Err(rusqlite::Error::SqliteFailure(failure, _))
                    if failure.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY =>
                {
                    Ok(false)
                }
                Err(error) => Err(self.error(error)),
            }
        })
    }
}

fn encode(volume: &Volume) -> Result<String, StateError> {
    serde_json::to_string(volume)
        .map_err(|source| StateError::Record { what: format!("volume {}", volume.name), source })
}

fn decode(name: &str, text: &str) -> Result<Volume, StateError> {
    serde_json::from_str(text).map_err(|source| StateError::Record { what: format!("volume {name}"), source })
}
