//! Folders on this machine that are the same as folders of clients.
//!
//! There is a fixed number of them, each with a lock that its build holds to its end. A build takes the one that the last
//! build of the same client and folder has left, so that only what has changed is sent; else an empty one, else the one that
//! is unused for longest, which is emptied. One that nobody has wanted for a week is emptied by the next build.

mod apply;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cove_api::{Error, ErrorKind, Result};
use cove_sys::fs;
use cove_sys::lock::FileLock;
use cove_tree::Root;
use sha2::{Digest as _, Sha256};

pub(crate) use apply::{Apply, Received, go_mode, modified as modified_of};

/// How many there are: so many builds at a time.
const COUNT: usize = 32;
/// After so long without a build one is emptied.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The file with whose folder it is.
const KEY: &str = "key";
/// Largest key, in bytes.
const MAX_KEY: u64 = 256;
/// Longest boot id, in bytes.
const MAX_BOOT_ID: u64 = 64;

/// All of them.
#[derive(Debug, Clone)]
pub(crate) struct Mirrors {
    folder: PathBuf,
}

/// One, held for a build.
#[derive(Debug)]
pub(crate) struct Mirror {
    folder: PathBuf,
    _lock: FileLock,
}

impl Mirrors {
    /// Those in a folder, which is made when it is needed.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Takes one for the client's folder of that key; without a key one that is empty.
    ///
    /// # Errors
    /// All are taken, or the file system refuses.
    pub(crate) fn take(&self, key: Option<&str>) -> Result<Mirror> {
        make_private(&self.folder)?;
        let wanted = match key {
            Some(key) => digest(&[boot_id()?.as_bytes(), key.as_bytes()]),
            None => String::new(),
        };
        let mut all: Vec<(usize, Option<(String, SystemTime)>)> =
            (0..COUNT).map(|place| (place, self.looked_at(place))).collect();
        all.sort_by_key(|(_, found)| match found {
            Some((key, _)) if *key == wanted && !wanted.is_empty() => (0, None),
            None => (1, None),
            Some((_, used)) => (2, Some(*used)),
        });
        let mut taken = None;
        for (place, found) in all {
            let is_old = found.as_ref().is_some_and(|(_, used)| used.elapsed().is_ok_and(|age| age > KEPT));
            if taken.is_some() && !is_old {
                continue;
            }
            let Some(lock) = FileLock::try_exclusive(&self.folder.join(format!("{place}.lock")))? else {
                continue;
            };
            let folder = self.folder.join(place.to_string());
            if taken.is_some() {
                remove(&folder)?;
                continue;
            }
            // What was seen before the lock may be another's by now.
            if self.looked_at(place).is_none_or(|(key, _)| key != wanted || wanted.is_empty()) {
                remove(&folder)?;
            }
            make_private(&folder)?;
            cove_sys::atomic::write(&folder.join(KEY), wanted.as_bytes(), 0o600)?;
            taken = Some(Mirror { folder, _lock: lock });
        }
        taken.ok_or_else(|| Error::new(ErrorKind::Unavailable, format!("more than {COUNT} builds at a time")))
    }

    /// Whose it is, and when it was last used; [`None`] for an empty one.
    fn looked_at(&self, place: usize) -> Option<(String, SystemTime)> {
        let path = self.folder.join(place.to_string()).join(KEY);
        let used = fs::symlink_metadata(&path).ok()?.modified().ok()?;
        let key = cove_sys::read::bounded_text(&path, MAX_KEY).ok().flatten().unwrap_or_default();
        Some((key, used))
    }

    /// What there is of them.
    pub(crate) fn usage(&self) -> Vec<Usage> {
        (0..COUNT)
            .filter_map(|place| {
                let (_, used) = self.looked_at(place)?;
                Some(Usage { place, size: size(&self.folder.join(place.to_string())), used })
            })
            .collect()
    }

    /// Empties those that no build has, or has had for so long, and answers what they were.
    ///
    /// # Errors
    /// The file system refuses.
    pub(crate) fn prune(&self, unused: Duration) -> Result<Vec<Usage>> {
        let mut freed = Vec::new();
        let is_old = |usage: &Usage| unused.is_zero() || usage.used.elapsed().is_ok_and(|age| age >= unused);
        for usage in self.usage().into_iter().filter(is_old) {
            let lock = self.folder.join(format!("{}.lock", usage.place));
            if let Some(_lock) = FileLock::try_exclusive(&lock)? {
                remove(&self.folder.join(usage.place.to_string()))?;
                freed.push(usage);
            }
        }
        Ok(freed)
    }
}

/// One and its size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Which.
    pub(crate) place: usize,
    /// Bytes.
    pub(crate) size: u64,
    /// When a build last took it.
    pub(crate) used: SystemTime,
}

impl Mirror {
    /// A folder of it, made where it is missing.
    ///
    /// # Errors
    /// The file system refuses.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        make_private(&folder)?;
        Ok(folder)
    }

    /// What makes that folder the same as a client's.
    ///
    /// # Errors
    /// The file system refuses.
    pub(crate) fn apply(&self, name: &str) -> Result<Apply> {
        let parts = self.folder.join("parts");
        // What a transfer that was cut off has left.
        remove(&parts)?;
        make_private(&parts)?;
        Ok(Apply::new(Root::open(&self.folder(name)?)?, Root::open(&parts)?))
    }
}

fn make_private(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    // fs-err has no builder.
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Error::from(error).context(folder.display()))
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Bytes of all files below a folder, as far as it can be read.
fn size(folder: &Path) -> u64 {
    let mut pending = vec![folder.to_owned()];
    let mut bytes = 0;
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => pending.push(entry.path()),
                Ok(metadata) => bytes += metadata.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}

/// What was written before a power loss may be there in part although its name and time are.
fn boot_id() -> Result<String> {
    let text = cove_sys::read::bounded_text(Path::new("/proc/sys/kernel/random/boot_id"), MAX_BOOT_ID)?;
    Ok(text.unwrap_or_default().trim().to_owned())
}

fn digest(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    hex(&digest.finalize())
}

/// Bytes as text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_finds_what_its_last_one_left() {
        let folder = tempfile::tempdir().unwrap();
        let mirrors = Mirrors::new(folder.path().join("mirrors"));
        let first = mirrors.take(Some("a")).unwrap();
        let left = first.folder("context").unwrap().join("file");
        fs::write(&left, "x").unwrap();
        let other = mirrors.take(Some("a")).unwrap();
        assert_ne!(other.folder, first.folder, "it is taken");
        drop((first, other));
        let another = mirrors.take(Some("b")).unwrap();
        assert!(left.exists(), "there are empty ones for others");
        let nameless = mirrors.take(None).unwrap();
        fs::write(nameless.folder("context").unwrap().join("file"), "x").unwrap();
        drop(nameless);
        let again = mirrors.take(Some("a")).unwrap();
        assert!(left.starts_with(&again.folder) && left.exists());
        let nameless = mirrors.take(None).unwrap();
        assert!(!nameless.folder("context").unwrap().join("file").exists());
        drop((again, another, nameless));
        assert!(mirrors.prune(Duration::ZERO).unwrap().iter().map(|usage| usage.size).sum::<u64>() > 0);
        assert!(!left.exists());
    }

    #[test]
    fn there_are_so_many_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let mirrors = Mirrors::new(folder.path().to_owned());
        let mut all: Vec<_> = (0..COUNT).map(|name| mirrors.take(Some(&name.to_string())).unwrap()).collect();
        assert_eq!(mirrors.take(Some("0")).unwrap_err().kind, ErrorKind::Unavailable);
        all.pop();
        mirrors.take(Some("new")).unwrap();
    }
}
