//! A JSON file of rows, its lock, and the copy in memory that stays good until another writer came by.

use std::io::Write;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cove_sys::fs;

use crate::error::{Result, StorageError};
use crate::lock::{Held, Mode, Token};
use crate::record::Record;

/// Where rows that survive a crash are kept.
pub(crate) const STABLE: usize = 0;
/// Where rows are kept that need not survive a power loss (containers removed on exit).
pub(crate) const VOLATILE: usize = 1;

/// One kind of row: the files (stable, volatile), their lock, the cached contents.
#[derive(Debug)]
pub(crate) struct Table<T> {
    lock: PathBuf,
    files: Vec<PathBuf>,
    cache: Mutex<Option<Cached<T>>>,
}

#[derive(Debug)]
struct Cached<T> {
    key: Key,
    rows: Arc<Vec<T>>,
}

/// What must be unchanged for the cache to be good: the last writer, and (for writers that do not say) the
/// inode, size and change time of each file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    token: Token,
    files: Vec<Option<(u64, u64, i64, i64)>>,
}

impl<T: Record> Table<T> {
    pub(crate) fn new(lock: PathBuf, files: Vec<PathBuf>) -> Self {
        Self { lock, files, cache: Mutex::new(None) }
    }

    /// Locks for reading and answers the rows.
    pub(crate) fn read(&self) -> Result<Reading<T>> {
        let held = Held::acquire(&self.lock, Mode::Shared)?;
        let rows = self.rows(&held)?;
        Ok(Reading { rows, _held: held })
    }

    /// Locks for writing and answers the rows.
    pub(crate) fn write(&self) -> Result<Writing<'_, T>> {
        let held = Held::acquire(&self.lock, Mode::Exclusive)?;
        let rows = self.rows(&held)?.as_ref().clone();
        Ok(Writing { table: self, rows, held })
    }

    fn rows(&self, held: &Held) -> Result<Arc<Vec<T>>> {
        let key = self.key(held.token()?);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = &*cache
            && cached.key == key
        {
            return Ok(Arc::clone(&cached.rows));
        }
        let mut rows: Vec<T> = Vec::new();
        for (location, path) in self.files.iter().enumerate() {
            let Some(data) = crate::dirs::read_optional(path)? else { continue };
            for mut row in parse::<T>(path, &data)? {
                // Should an id be in two files, the stable one counts, as in containers/storage.
                if location == STABLE || !rows.iter().any(|other| other.id() == row.id()) {
                    row.set_location(location);
                    rows.push(row);
                }
            }
        }
        let rows = Arc::new(rows);
        *cache = Some(Cached { key, rows: Arc::clone(&rows) });
        Ok(rows)
    }

    fn key(&self, token: Token) -> Key {
        use std::os::unix::fs::MetadataExt;
        let files = self
            .files
            .iter()
            .map(|path| {
                let data = fs::metadata(path).ok()?;
                Some((data.ino(), data.size(), data.ctime(), data.ctime_nsec()))
            })
            .collect();
        Key { token, files }
    }
}

fn parse<T: Record>(path: &Path, data: &[u8]) -> Result<Vec<T>> {
    if data.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Option<Vec<T>> = serde_json::from_slice(data)
        .map_err(|source| StorageError::BadJson { path: path.to_path_buf(), source })?;
    Ok(rows.unwrap_or_default())
}

/// The rows, locked against writers.
#[derive(Debug)]
pub(crate) struct Reading<T> {
    rows: Arc<Vec<T>>,
    _held: Held,
}

impl<T> Reading<T> {
    /// The rows, which stay as they are when the lock is released.
    pub(crate) fn into_rows(self) -> Arc<Vec<T>> {
        self.rows
    }
}

impl<T> Deref for Reading<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.rows
    }
}

/// The rows, locked for change; nothing is written before [`Writing::save`].
#[derive(Debug)]
pub(crate) struct Writing<'a, T> {
    table: &'a Table<T>,
    pub(crate) rows: Vec<T>,
    held: Held,
}

impl<T: Record> Writing<'_, T> {
    /// Writes the file of `location`. With `sync` it is on the disk when this returns.
    pub(crate) fn save(&mut self, location: usize, sync: bool) -> Result<()> {
        let path = &self.table.files[location];
        let rows: Vec<&T> = self.rows.iter().filter(|row| row.location() == location).collect();
        let data = serde_json::to_vec(&rows)
            .map_err(|source| StorageError::BadJson { path: path.clone(), source })?;
        let token = self.held.record_write()?;
        if sync && location == STABLE {
            cove_sys::atomic::write(path, &data, 0o600)?;
        } else {
            replace(path, &data)?;
        }
        let cached = Cached { key: self.table.key(token), rows: Arc::new(self.rows.clone()) };
        *self.table.cache.lock().unwrap_or_else(PoisonError::into_inner) = Some(cached);
        Ok(())
    }
}

/// Replaces a file so that no reader sees half of it; it may be lost with the power.
pub(crate) fn replace(path: &Path, data: &[u8]) -> Result<()> {
    use fs_err::os::unix::fs::OpenOptionsExt;
    let suffix = crate::id::hex(&crate::id::random_bytes::<6>()?);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".tmp-{name}{suffix}"));
    let written = (|| {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(data)?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    Ok(written?)
}

/// Finds a row by full id, by name, or by a beginning of the id that only one row has.
pub(crate) fn lookup<'a, T: Record>(rows: &'a [T], key: &str) -> Result<Option<&'a T>> {
    if key.is_empty() {
        return Ok(None);
    }
    if let Some(row) = rows.iter().find(|row| row.id() == key) {
        return Ok(Some(row));
    }
    if let Some(row) = rows.iter().find(|row| row.names().iter().any(|name| name == key)) {
        return Ok(Some(row));
    }
    let mut matches = rows.iter().filter(|row| row.id().starts_with(key));
    match (matches.next(), matches.next()) {
        (Some(_), Some(_)) => Err(StorageError::Ambiguous(key.to_owned(), T::KIND)),
        (found, _) => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Layer;
    use crate::testing::Scratch;

    fn table(scratch: &Scratch) -> Table<Layer> {
        let path = scratch.path();
        Table::new(
            path.join("layers.lock"),
            vec![path.join("layers.json"), path.join("volatile-layers.json")],
        )
    }

    #[test]
    fn two_users_see_each_others_changes() {
        let scratch = Scratch::new("table");
        let (ours, theirs) = (table(&scratch), table(&scratch));
        assert!(ours.read().unwrap().is_empty());
        let mut writing = theirs.write().unwrap();
        writing.rows.push(Layer::new("aa".into(), None));
        let mut volatile = Layer::new("ab".into(), Some("aa"));
        volatile.location = VOLATILE;
        writing.rows.push(volatile);
        writing.save(STABLE, true).unwrap();
        writing.save(VOLATILE, true).unwrap();
        drop(writing);
        let rows = ours.read().unwrap().into_rows();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1].location, VOLATILE);
        assert!(lookup(&rows, "a").is_err());
        assert_eq!(lookup(&rows, "ab").unwrap().unwrap().id, "ab");
        assert!(lookup(&rows, "").unwrap().is_none());
        assert!(lookup(&rows, "b").unwrap().is_none());
    }

    #[test]
    fn damaged_files_are_named() {
        let scratch = Scratch::new("damaged");
        let path = scratch.path().join("layers.json");
        fs::write(&path, "[{").unwrap();
        let error = table(&scratch).read().unwrap_err();
        assert!(error.to_string().contains("layers.json"), "{error}");
        fs::write(&path, "null").unwrap();
        assert!(table(&scratch).read().unwrap().is_empty());
    }
}
