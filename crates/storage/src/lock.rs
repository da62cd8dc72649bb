//! The store's lock files, as containers/storage uses them: a record lock over the whole file, whose
//! contents name the last writer.
//!
//! Go takes process-wide POSIX locks (`F_SETLKW`). We take open-file-description locks (`F_OFD_SETLKW`),
//! which exclude POSIX locks and each other, also between threads of one process, and which closing an
//! unrelated descriptor does not drop (fcntl(2)).

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Context, Result};
use crate::id::random_bytes;

const TOKEN_SIZE: usize = 64;

/// What a lock file said about its last writer; empty where nobody ever wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token(Vec<u8>);

/// A held lock; dropping it releases it.
#[derive(Debug)]
pub struct Held {
    file: std::fs::File,
    path: PathBuf,
}

/// How a lock is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// With other readers.
    Shared,
    /// Alone.
    Exclusive,
}

/// Opens (creating it) and locks a file as the programs of containers/storage do, waiting for other holders: for files
/// that are shared with them beside the store.
///
/// # Errors
/// The file cannot be opened, or the file system has no locks.
pub fn lock_file(path: &Path) -> Result<Held> {
    Held::acquire(path, Mode::Exclusive)
}

impl Held {
    /// Opens (creating it) and locks `path`, waiting for other holders.
    pub(crate) fn acquire(path: &Path, mode: Mode) -> Result<Self> {
        let file = open(path)?;
        set_lock(&file, mode, true).context("lock", path)?;
        Ok(Self { file, path: path.to_path_buf() })
    }

    /// Takes the exclusive lock only if nobody has it.
    pub(crate) fn try_exclusive(path: &Path) -> Result<Option<Self>> {
        let file = open(path)?;
        match set_lock(&file, Mode::Exclusive, false) {
            Ok(()) => Ok(Some(Self { file, path: path.to_path_buf() })),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(None),
            Err(error) => Err(error).context("lock", path),
        }
    }

    /// The last writer.
    pub(crate) fn token(&self) -> Result<Token> {
        let mut contents = vec![0; TOKEN_SIZE];
        let mut length = 0;
        while length < TOKEN_SIZE {
            match self.file.read_at(&mut contents[length..], length as u64) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("read", &self.path),
            }
        }
        contents.truncate(length);
        Ok(Token(contents))
    }

    /// Names us as the last writer. Call it before the data is written, so that a writer that dies between
    /// the two leaves others with a needless reload and never with stale data.
    pub(crate) fn record_write(&self) -> Result<Token> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        let mut token = Vec::with_capacity(TOKEN_SIZE);
        #[expect(clippy::cast_possible_truncation, reason = "nanoseconds fit 64 bits until the year 2554")]
        token.extend_from_slice(&(now as u64).to_le_bytes());
        token.extend_from_slice(&COUNTER.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        token.extend_from_slice(&std::process::id().to_le_bytes());
        token.extend_from_slice(&random_bytes::<{ TOKEN_SIZE - 20 }>()?);
        self.file.write_all_at(&token, 0).context("write", &self.path)?;
        Ok(Token(token))
    }

    /// Where the lock file is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn open(path: &Path) -> Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o644);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                crate::dirs::create_private(parent)?;
            }
            options.open(path).context("open", path)
        }
        other => other.context("open", path),
    }
}

fn set_lock(file: &std::fs::File, mode: Mode, wait: bool) -> io::Result<()> {
    let kind = match mode {
        Mode::Shared => libc::F_RDLCK,
        Mode::Exclusive => libc::F_WRLCK,
    };
    let command = if wait { libc::F_OFD_SETLKW } else { libc::F_OFD_SETLK };
    loop {
        // SAFETY: `flock` is plain data for which all-zero is a valid value.
        let mut lock: libc::flock = unsafe { std::mem::zeroed() };
        #[expect(clippy::cast_possible_truncation, reason = "the constants are small")]
        {
            lock.l_type = kind as libc::c_short;
            lock.l_whence = libc::SEEK_SET as libc::c_short;
        }
        // SAFETY: the descriptor is open for the duration of the call, and `lock` outlives it.
        let result = unsafe { libc::fcntl(file.as_raw_fd(), command, &raw const lock) };
        if result == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excludes_also_within_a_process_and_remembers_the_writer() {
        let folder = crate::testing::Scratch::new("lock");
        let path = folder.path().join("deep/layers.lock");
        let held = Held::acquire(&path, Mode::Exclusive).unwrap();
        assert_eq!(held.token().unwrap(), Token(Vec::new()));
        assert!(Held::try_exclusive(&path).unwrap().is_none());
        let token = held.record_write().unwrap();
        assert_eq!(held.token().unwrap(), token);
        assert_eq!(token.0.len(), TOKEN_SIZE);
        drop(held);
        let first = Held::acquire(&path, Mode::Shared).unwrap();
        let second = Held::acquire(&path, Mode::Shared).unwrap();
        assert!(Held::try_exclusive(&path).unwrap().is_none());
        drop((first, second));
        assert!(Held::try_exclusive(&path).unwrap().is_some());
    }
}
