//! Exec sessions in the database.

use rusqlite::{OptionalExtension, params};

use super::containers::{Lookup, decode, encode, is_hexadecimal};
use super::record::ExecRecord;
use super::{Database, StateError};

impl Database {
    /// Writes an exec session.
    pub(crate) fn save_exec(&self, record: &ExecRecord) -> Result<(), StateError> {
        let text = encode(&record.id, record)?;
        let connection = self.lock();
        let run = || -> rusqlite::Result<()> {
            connection
                .prepare_cached(
                    "INSERT INTO exec_sessions (id, container, record) VALUES (?1, ?2, ?3)
                     ON CONFLICT (id) DO UPDATE SET record = excluded.record",
                )?
                .execute(params![record.id, record.container, text])?;
            Ok(())
        };
        run().map_err(|error| self.error(error))
    }

    /// Changes an exec session in one step with the look at it: `change` answers whether it may be changed, and nobody
    /// else comes between. [`None`] where it may not, or where there is no such session.
    pub(crate) fn change_exec(
        &self,
        id: &str,
        change: impl FnOnce(&mut ExecRecord) -> bool,
    ) -> Result<Option<ExecRecord>, StateError> {
        self.transaction(false, |transaction| {
            let text: Option<String> = transaction
                .prepare_cached("SELECT record FROM exec_sessions WHERE id = ?1")
                .and_then(|mut statement| statement.query_row([id], |row| row.get(0)).optional())
                .map_err(|error| self.error(error))?;
            let Some(text) = text else { return Ok(None) };
            let mut record: ExecRecord = decode(id, &text)?;
            if !change(&mut record) {
                return Ok(None);
            }
            let changed = encode(id, &record)?;
            transaction
                .prepare_cached("UPDATE exec_sessions SET record = ?2 WHERE id = ?1")
                .and_then(|mut statement| statement.execute([id, &changed]))
                .map_err(|error| self.error(error))?;
            Ok(Some(record))
        })
    }

    /// The exec session of an id or the start of one.
    pub(crate) fn find_exec(&self, wanted: &str) -> Result<Lookup<ExecRecord>, StateError> {
        if !is_hexadecimal(wanted) || wanted.len() > 64 {
            return Ok(Lookup::Missing);
        }
        let found: Vec<String> = {
            let connection = self.lock();
            let run = || -> rusqlite::Result<Vec<String>> {
                connection
                    .prepare_cached(
                        "SELECT record FROM exec_sessions WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2",
                    )?
                    .query_map([wanted], |row| row.get(0))?
                    .collect()
            };
            run().map_err(|error| self.error(error))?
        };
        match found.as_slice() {
            [] => Ok(Lookup::Missing),
            [one] => Ok(Lookup::Found(decode(wanted, one)?)),
            _ => Ok(Lookup::Ambiguous),
        }
    }

    /// The exec sessions of a container.
    pub(crate) fn execs_of(&self, container: &str) -> Result<Vec<ExecRecord>, StateError> {
        let found: Vec<String> = {
            let connection = self.lock();
            let run = || -> rusqlite::Result<Vec<String>> {
                connection
                    .prepare_cached("SELECT record FROM exec_sessions WHERE container = ?1 ORDER BY rowid")?
                    .query_map([container], |row| row.get(0))?
                    .collect()
            };
            run().map_err(|error| self.error(error))?
        };
        found.iter().map(|text| decode(container, text)).collect()
    }

    /// Forgets an exec session.
    pub(crate) fn remove_exec(&self, id: &str) -> Result<(), StateError> {
        let connection = self.lock();
        connection
            .execute("DELETE FROM exec_sessions WHERE id = ?1", [id])
            .map(drop)
            .map_err(|error| self.error(error))
    }

    /// Forgets the exec sessions of a container.
    pub(crate) fn remove_execs_of(&self, container: &str) -> Result<(), StateError> {
        let connection = self.lock();
        connection
            .execute("DELETE FROM exec_sessions WHERE container = ?1", [container])
            .map(drop)
            .map_err(|error| self.error(error))
    }
}
