//! Private scratch directories inside the store that die with their owner.
//!
//! `ROOT/lock-ID` is held as long as `ROOT/temp-dir-ID` is in use; whoever can take the lock may remove both.
//! containers/storage 1.60 and later has the same names and rule, so each side cleans up after the other.

use std::io;
use std::path::{Path, PathBuf};

use cove_sys::fs;

use crate::dirs;
use crate::error::Result;
use crate::id::{hex, random_bytes};
use crate::lock::Held;

const DIR_PREFIX: &str = "temp-dir-";
const LOCK_PREFIX: &str = "lock-";

/// A scratch directory; dropping it removes what is left in it.
#[derive(Debug)]
pub(crate) struct TempDir {
    path: PathBuf,
    counter: u32,
    lock: Held,
}

impl TempDir {
    pub(crate) fn new(root: &Path) -> Result<Self> {
        dirs::create_private(root)?;
        loop {
            let id = hex(&random_bytes::<8>()?);
            let lock_path = root.join(format!("{LOCK_PREFIX}{id}"));
            let Some(lock) = Held::try_exclusive(&lock_path)? else { continue };
            // Between our creating the file and locking it, a cleaner may have locked and removed it.
            if !lock_path.exists() {
                continue;
            }
            let path = root.join(format!("{DIR_PREFIX}{id}"));
            dirs::create_exact(&path, 0o700)?;
            return Ok(Self { path, counter: 0, lock });
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves `path` in here, to be removed with the rest; nothing there is no error.
    pub(crate) fn take(&mut self, path: &Path) -> Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let target = self.path.join(format!("{}-{name}", self.counter));
        self.counter += 1;
        match fs::rename(path, &target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => Ok(other?),
        }
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next `recover`, since the lock goes with us.
        if dirs::remove_all(&self.path).is_ok() {
            let _ = dirs::remove_file(self.lock.path());
        }
    }
}

/// Removes the directories under `root` whose owners are gone. Errors leave them for the next time.
pub(crate) fn recover(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let Some(id) = name.strip_prefix(DIR_PREFIX).or_else(|| name.strip_prefix(LOCK_PREFIX)) else {
            continue;
        };
        let lock_path = root.join(format!("{LOCK_PREFIX}{id}"));
        if let Ok(Some(lock)) = Held::try_exclusive(&lock_path) {
            let path = root.join(format!("{DIR_PREFIX}{id}"));
            // A probe of the overlay driver may have been interrupted while it had mounts.
            for name in ["merged", "view"] {
                let _ = crate::driver::detach(&path.join(name));
            }
            if dirs::remove_all(&path).is_ok() {
                let _ = dirs::remove_file(&lock_path);
            }
            drop(lock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn only_abandoned_directories_are_removed() {
        let scratch = Scratch::new("tempdir");
        let root = scratch.path().join("tempdirs");
        let mut live = TempDir::new(&root).unwrap();
        fs::write(live.path().join("file"), "x").unwrap();
        let dead = root.join("temp-dir-dead");
        fs::create_dir(&dead).unwrap();
        recover(&root);
        assert!(live.path().join("file").exists());
        assert!(!dead.exists());
        let victim = scratch.path().join("victim");
        fs::create_dir(&victim).unwrap();
        live.take(&victim).unwrap();
        live.take(&victim).unwrap();
        assert!(!victim.exists());
        drop(live);
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    }
}
