//! Opening the database, its schema, and what to say when the file is broken.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cove_sys::fs;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::pods::POD_VERSION;
use super::record::RECORD_VERSION;

/// The schema this code writes; an older one is migrated, a newer one refused.
const SCHEMA_VERSION: i64 = 3;

/// The schema of version 2.
const SCHEMA: &str = "
CREATE TABLE containers (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT UNIQUE NOT NULL,
    created INTEGER NOT NULL,
    image TEXT NOT NULL,
    state TEXT NOT NULL,
    config TEXT NOT NULL,
    status TEXT NOT NULL,
    request TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE TABLE container_volumes (
    container TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    volume TEXT NOT NULL REFERENCES volumes(name),
    PRIMARY KEY (container, volume)
) STRICT, WITHOUT ROWID;
CREATE INDEX container_volumes_volume ON container_volumes(volume);
CREATE TABLE container_networks (
    container TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    network TEXT NOT NULL,
    PRIMARY KEY (container, network)
) STRICT, WITHOUT ROWID;
CREATE TABLE container_dependencies (
    container TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    needs TEXT NOT NULL REFERENCES containers(id),
    PRIMARY KEY (container, needs)
) STRICT, WITHOUT ROWID;
CREATE INDEX container_dependencies_needs ON container_dependencies(needs);
CREATE TABLE exec_sessions (
    id TEXT PRIMARY KEY NOT NULL,
    container TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    record TEXT NOT NULL
) STRICT;
CREATE INDEX exec_sessions_container ON exec_sessions(container);
CREATE TABLE exit_codes (
    id TEXT PRIMARY KEY NOT NULL,
    code INTEGER NOT NULL,
    time INTEGER NOT NULL
) STRICT;
CREATE TABLE volumes (
    name TEXT PRIMARY KEY NOT NULL,
    created INTEGER NOT NULL,
    anonymous INTEGER NOT NULL,
    config TEXT NOT NULL
) STRICT;
";

/// From the schema of version 1 to that of version 2.
const FROM_1: &str = "ALTER TABLE containers ADD COLUMN request TEXT NOT NULL DEFAULT '{}';";

/// From the schema of version 2 to the present one, which has pods.
const FROM_2: &str = "
CREATE TABLE pods (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT UNIQUE NOT NULL,
    created INTEGER NOT NULL,
    config TEXT NOT NULL,
    request TEXT NOT NULL DEFAULT '{}'
) STRICT;
ALTER TABLE containers ADD COLUMN pod TEXT REFERENCES pods(id);
CREATE INDEX containers_pod ON containers(pod);
";

/// Brings a container's configuration of an older version up to date: configuration and request.
pub(crate) type Upgrade = dyn Fn(&str) -> cove_api::Result<(String, String)> + Send + Sync;

/// A failure of the state database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The file is not a database any more.
    #[error(
        "the state database {} is broken ({message}); a copy was kept as {}: remove the database to start with an empty one (images and volumes stay), or restore it from a backup",
        path.display(), copy.display()
    )]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// Where the copy lies.
        copy: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The database was written by a newer version.
    #[error("the state database {} has version {found}, newer than this program's {SCHEMA_VERSION}: update cove", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// SQLite failed.
    #[error("state database {}", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// Its cause.
        #[source]
        source: rusqlite::Error,
    },
    /// A row holds something that cannot be read.
    #[error("state database: the record of {what} cannot be read")]
    Record {
        /// Which row.
        what: String,
        /// Its cause.
        #[source]
        source: serde_json::Error,
    },
    /// A row was written by a newer version.
    #[error(
        "the record of {what} has version {found}, but this program knows version {RECORD_VERSION}: update cove"
    )]
    RecordVersion {
        /// Which row.
        what: String,
        /// Its version.
        found: u32,
    },
    /// A pod's row was written by a newer version.
    #[error(
        "the record of {what} has version {found}, but this program knows version {POD_VERSION}: update cove"
    )]
    PodVersion {
        /// Which row.
        what: String,
        /// Its version.
        found: u32,
    },
    /// A row of an older version cannot be brought up to date.
    #[error(
        "the record of {what} was written by an older version and cannot be brought up to date; \
         where that cannot be mended, remove it with `cove rm --force`"
    )]
    Upgrade {
        /// Which row.
        what: String,
        /// Its cause.
        #[source]
        source: cove_api::Error,
    },
    /// The directory cannot be made.
    #[error("state directory {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Its cause.
        #[source]
        source: std::io::Error,
    },
}

impl From<StateError> for cove_api::Error {
    fn from(error: StateError) -> Self {
        let kind = match &error {
            StateError::Sqlite { source, .. } => match source.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => cove_api::ErrorKind::Timeout,
                Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                    cove_api::ErrorKind::PermissionDenied
                }
                _ => cove_api::ErrorKind::Internal,
            },
            _ => cove_api::ErrorKind::Internal,
        };
        Self::from_chain(kind, &error)
    }
}

/// The open database. One connection, used by one thread at a time; other processes use it at the same time.
pub(crate) struct Database {
    path: PathBuf,
    connection: Mutex<Connection>,
    pub(super) upgrade: Box<Upgrade>,
}

impl Database {
    /// Opens `DIRECTORY/state.db`, making both where they are missing, and bringing an older one's schema up to date.
    /// Its rows follow with `upgrade` when they are read: each for itself, so that one that fails now can later, and
    /// so that what a program of the older version still writes is read, too.
    ///
    /// # Errors
    /// [`StateError`]; for a broken file a copy is kept first.
    pub(crate) fn open(directory: &Path, upgrade: Box<Upgrade>) -> Result<Self, StateError> {
        let path = directory.join("state.db");
        if !path.exists() {
            make_private(directory)
                .map_err(|source| StateError::Directory { path: directory.to_owned(), source })?;
        }
        let connection = connect(&path).map_err(|source| classify(&path, source))?;
        let found: i64 = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(|source| classify(&path, source))?;
        if found > SCHEMA_VERSION {
            return Err(StateError::Newer { path, found });
        }
        let database = Self { path, connection: Mutex::new(connection), upgrade };
        if found < SCHEMA_VERSION {
            database.migrate()?;
        }
        Ok(database)
    }

    fn migrate(&self) -> Result<(), StateError> {
        let mut connection = self.lock();
        let run = || -> rusqlite::Result<()> {
            // Changing the journal mode needs the file alone; it lasts, so only a new database gets it.
            connection.pragma_update(None, "journal_mode", "wal")?;
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            // Another process may have been first.
            let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            match found {
                0 => transaction.execute_batch(SCHEMA)?,
                1 => transaction.execute_batch(FROM_1)?,
                2 => {}
                _ => return Ok(()),
            }
            transaction.execute_batch(FROM_2)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            transaction.commit()
        };
        let mut run = run;
        run().map_err(|source| classify(&self.path, source))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic while holding it rolls its transaction back on drop, so the connection stays usable.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn error(&self, source: rusqlite::Error) -> StateError {
        classify(&self.path, source)
    }

    /// Runs `work` in one write transaction. `durable` waits until the disk has it.
    pub(super) fn transaction<T>(
        &self,
        durable: bool,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        let mut connection = self.lock();
        if durable {
            connection.pragma_update(None, "synchronous", "full").map_err(|e| self.error(e))?;
        }
        let result = (|| {
            let transaction = connection
                .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
                .map_err(|e| self.error(e))?;
            let value = work(&transaction)?;
            transaction.commit().map_err(|e| self.error(e))?;
            Ok(value)
        })();
        if durable {
            connection.pragma_update(None, "synchronous", "normal").map_err(|e| self.error(e))?;
        }
        result
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(Duration::from_secs(100))?;
    // The last connection would else write the whole log back and remove it: milliseconds for each command.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch(
        "PRAGMA synchronous = normal; PRAGMA foreign_keys = on; PRAGMA wal_autocheckpoint = 400;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A private directory and its parents.
pub(crate) fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    // fs-err has no builder; the callers name the directory.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

fn classify(path: &Path, source: rusqlite::Error) -> StateError {
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            let with = |ending: &str| {
                let mut name = path.as_os_str().to_owned();
                name.push(ending);
                PathBuf::from(name)
            };
            let copy = with(".broken");
            // The first copy is the one worth keeping.
            if !copy.exists() {
                let _ = fs::copy(path, &copy);
                let _ = fs::copy(with("-wal"), with("-wal.broken"));
            }
            StateError::Corrupt { path: path.to_owned(), copy, message: source.to_string() }
        }
        _ => StateError::Sqlite { path: path.to_owned(), source },
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Database").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use cove_api::{ContainerState, Volume};

    use super::*;
    use crate::state::{ContainerConfig, ContainerRow, ContainerStatus, ContainerVolume, ExecRecord};

    /// As if version 1 had had nothing but a host name.
    fn upgrade(text: &str) -> cove_api::Result<(String, String)> {
        let old: serde_json::Value = serde_json::from_str(text).unwrap();
        let hostname = old["old_name"].as_str().ok_or_else(|| cove_api::Error::invalid("no old name"))?;
        let config = serde_json::json!({ "version": RECORD_VERSION, "hostname": hostname });
        Ok((config.to_string(), serde_json::json!({ "hostname": "asked" }).to_string()))
    }

    fn scene(name: &str) -> (PathBuf, Database) {
        let folder = std::env::temp_dir().join(format!("cove-state-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let database = Database::open(&folder, Box::new(upgrade)).unwrap();
        (folder, database)
    }

    fn row() -> ContainerRow {
        let volume = ContainerVolume { name: "v".into(), ..ContainerVolume::default() };
        ContainerRow {
            id: "ab".repeat(32),
            name: "one".into(),
            created: 1,
            state: ContainerState::Created,
            config: ContainerConfig {
                version: RECORD_VERSION,
                volumes: vec![volume],
                ..ContainerConfig::default()
            },
            status: ContainerStatus { version: RECORD_VERSION, ..ContainerStatus::default() },
        }
    }

    #[test]
    fn a_used_volume_stays() {
        let (folder, database) = scene("volume");
        database.add_volume(&Volume { name: "v".into(), ..Volume::default() }).unwrap();
        let row = row();
        database.add_container(&row, &Default::default(), false).unwrap();
        assert!(!database.remove_volume("v").unwrap());
        database.remove_container(&row.id).unwrap();
        assert!(database.remove_volume("v").unwrap());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn records_of_a_newer_program_are_refused_by_name() {
        let (folder, database) = scene("newer");
        let mut row = row();
        row.config.volumes.clear();
        database.add_container(&row, &Default::default(), false).unwrap();
        let newer = RECORD_VERSION + 1;
        let present = serde_json::to_string(&row.config).unwrap();
        let present_status = serde_json::to_string(&row.status).unwrap();
        let mut readable = serde_json::to_value(&row.config).unwrap();
        readable["version"] = newer.into();
        for (config, status) in [
            (readable.to_string(), present_status),
            // Of another form, too.
            (format!(r#"{{"version": {newer}, "volumes": 3}}"#), String::from("{}")),
            (present.clone(), format!(r#"{{"version": {newer}, "pid": {{}}}}"#)),
        ] {
            database
                .lock()
                .execute("UPDATE containers SET config = ?1, status = ?2", [&config, &status])
                .unwrap();
            for error in [database.container(&row.id).unwrap_err(), database.containers().unwrap_err()] {
                assert!(
                    matches!(&error, StateError::RecordVersion { what, found }
                        if *found == newer && what.contains("one")),
                    "{config} {status}: {error}"
                );
            }
        }
        // A broken record of no newer version is another fault.
        database.lock().execute("UPDATE containers SET config = '{\"volumes\": 3}'", []).unwrap();
        assert!(matches!(database.container(&row.id), Err(StateError::Record { .. })));
        database.lock().pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
        drop(database);
        let error = Database::open(&folder, Box::new(upgrade)).unwrap_err();
        assert!(error.to_string().contains("update cove"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn records_of_an_older_program_are_brought_up_to_date_when_they_are_read() {
        let (folder, database) = scene("older");
        let mut row = row();
        row.config.volumes.clear();
        database.add_container(&row, &Default::default(), false).unwrap();
        let write = |config: &str| {
            database.lock().execute("UPDATE containers SET config = ?1, request = '{}'", [config]).unwrap();
        };
        // Readable in the present form, and not.
        for old in [
            r#"{"version": 1, "old_name": "mine"}"#,
            r#"{"version": 1, "old_name": "mine", "restart": {"name": "always"}}"#,
        ] {
            write(old);
            assert_eq!(database.containers().unwrap()[0].config.hostname, "mine");
            assert_eq!(database.request(&row.id).unwrap().hostname, "asked");
        }
        // One for which that fails is refused by name, with the cause; the next look tries it again.
        write(r#"{"version": 1}"#);
        for error in [database.container(&row.id).unwrap_err(), database.containers().unwrap_err()] {
            let error = cove_api::Error::from(error);
            for part in ["container one", "no old name", "rm --force"] {
                assert!(error.message.contains(part), "{error}");
            }
        }
        assert_eq!(database.unreadable("one").unwrap().as_deref(), Some(row.id.as_str()));
        write(r#"{"version": 1, "old_name": "mended"}"#);
        assert!(database.unreadable("one").unwrap().is_none());
        assert_eq!(database.container(&row.id).unwrap().unwrap().config.hostname, "mended");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_exec_session_is_changed_once() {
        let (folder, database) = scene("exec");
        let mut row = row();
        row.config.volumes.clear();
        database.add_container(&row, &Default::default(), false).unwrap();
        let record = ExecRecord { id: "cd".into(), container: row.id.clone(), ..ExecRecord::default() };
        database.save_exec(&record).unwrap();
        let claim = || {
            let changed = database.change_exec("cd", |record| !std::mem::replace(&mut record.started, true));
            usize::from(changed.unwrap().is_some())
        };
        let claims: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(claim)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(claims, 1);
        assert!(database.change_exec("ef", |_| true).unwrap().is_none());
        fs::remove_dir_all(folder).unwrap();
    }
}
