//! An advisory lock on a whole file, released by the kernel when its holder dies.

use std::io;
use std::path::Path;

use crate::fs;

/// A held `flock(2)`; dropping it, or the end of the process, releases it.
#[derive(Debug)]
pub struct FileLock {
    _file: fs::File,
}

impl FileLock {
    /// Opens (creating it with mode 0600 where it is missing) and locks `path`, waiting for another holder.
    ///
    /// # Errors
    /// The file cannot be opened, or the file system has no locks.
    pub fn exclusive(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        file.file().lock()?;
        Ok(Self { _file: file })
    }

    /// As [`FileLock::exclusive`], but answers `None` at once where another holder has it.
    ///
    /// # Errors
    /// As [`FileLock::exclusive`].
    pub fn try_exclusive(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        match file.file().try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

fn open(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use fs_err::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}
