//! Opening the database, its schema, and what to say when the file is broken.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cove_sys::fs;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// The schema this code writes; an older one is migrated, a newer one refused.
const SCHEMA_VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE containers (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT UNIQUE NOT NULL,
    created INTEGER NOT NULL,
    image TEXT NOT NULL,
    state TEXT NOT NULL,
    config TEXT NOT NULL,
    status TEXT NOT NULL
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
}

impl Database {
    /// Opens `DIRECTORY/state.db`, making both where they are missing.
    ///
    /// # Errors
    /// [`StateError`]; for a broken file a copy is kept first.
    pub(crate) fn open(directory: &Path) -> Result<Self, StateError> {
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
        let database = Self { path, connection: Mutex::new(connection) };
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
            if found == 0 {
                transaction.execute_batch(SCHEMA)?;
                transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            }
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
