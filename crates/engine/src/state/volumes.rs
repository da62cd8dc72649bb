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

    /// Changes a volume as it is at this moment; one that has gone is left alone.
    pub(crate) fn change_volume(
        &self,
        name: &str,
        change: impl FnOnce(&mut Volume),
    ) -> Result<(), StateError> {
        self.transaction(false, |transaction| {
            let text: Option<String> = transaction
                .query_row("SELECT config FROM volumes WHERE name = ?1", [name], |row| row.get(0))
                .optional()
                .map_err(|error| self.error(error))?;
            let Some(text) = text else { return Ok(()) };
            let mut volume = decode(name, &text)?;
            change(&mut volume);
            transaction
                .execute("UPDATE volumes SET config = ?2 WHERE name = ?1", params![name, encode(&volume)?])
                .map(drop)
                .map_err(|error| self.error(error))
        })
    }

    /// Notes that a new volume has been filled and given away; how often it is mounted is others' business.
    pub(crate) fn note_filled(&self, filled: &Volume) -> Result<(), StateError> {
        self.change_volume(&filled.name, |volume| {
            (volume.needs_copy_up, volume.needs_chown) = (filled.needs_copy_up, filled.needs_chown);
            (volume.uid, volume.gid) = (filled.uid, filled.gid);
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_change_meanwhile_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let upgrade = |text: &str| Ok((text.to_owned(), "{}".to_owned()));
        let database = Database::open(folder.path(), Box::new(upgrade)).unwrap();
        let volume = Volume { name: "v".into(), needs_copy_up: true, ..Volume::default() };
        assert!(database.add_volume(&volume).unwrap());
        // Somebody mounts it while a container's start fills it.
        database.change_volume("v", |volume| volume.mount_count += 1).unwrap();
        database.note_filled(&Volume { needs_copy_up: false, uid: 7, ..volume }).unwrap();
        database.change_volume("v", |volume| volume.mount_count += 1).unwrap();
        let now = database.volume("v").unwrap().unwrap();
        assert_eq!((now.mount_count, now.needs_copy_up, now.uid), (2, false, 7));
        database.change_volume("gone", |volume| volume.mount_count += 1).unwrap();
    }
}
