//! Locks on one container, across processes: `flock(2)` files in the run directory, which the kernel releases
//! when their holder dies.

use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cove_api::{Error, ErrorKind, Result};
use cove_sys::fs;
use rustix::fs::{FlockOperation, Mode, OFlags};

/// How long to wait for another holder before naming it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A held lock.
#[derive(Debug)]
pub(crate) struct ObjectLock {
    path: PathBuf,
    _file: OwnedFd,
}

impl ObjectLock {
    /// Locks `name` in `directory`, waiting for another holder.
    pub(crate) fn acquire(directory: &Path, name: &str) -> Result<Self> {
        Self::acquire_within(directory, name, PATIENCE)
    }

    fn acquire_within(directory: &Path, name: &str, patience: Duration) -> Result<Self> {
        let path = directory.join(name);
        let start = Instant::now();
        let mut pause = Duration::from_micros(200);
        loop {
            let file = match rustix::fs::open(
                &path,
                OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC,
                Mode::from(0o600),
            ) {
                Ok(file) => file,
                Err(rustix::io::Errno::NOENT) => {
                    crate::state::make_private(directory)
                        .map_err(|error| Error::from(error).context(directory.display()))?;
                    continue;
                }
                Err(errno) => {
                    return Err(Error::from(std::io::Error::from(errno)).context(path.display()));
                }
            };
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    // The file may have been removed between opening and locking it; then it locks nothing.
                    if same_file(&file, &path) {
                        return Ok(Self { path, _file: file });
                    }
                    continue;
                }
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
                Err(errno) => {
                    return Err(Error::from(std::io::Error::from(errno)).context(path.display()));
                }
            }
            if start.elapsed() > patience {
                return Err(Error::new(
                    ErrorKind::Timeout,
                    format!("{name} has been locked for more than {patience:?} by {}", holder(&path)),
                ));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Locks `name` if nobody holds it.
    pub(crate) fn try_acquire(directory: &Path, name: &str) -> Option<Self> {
        Self::attempt(directory, name, FlockOperation::NonBlockingLockExclusive)
    }

    /// Locks `name` together with others who share it, if nobody holds it alone.
    pub(crate) fn try_share(directory: &Path, name: &str) -> Option<Self> {
        Self::attempt(directory, name, FlockOperation::NonBlockingLockShared)
    }

    fn attempt(directory: &Path, name: &str, operation: FlockOperation) -> Option<Self> {
        let path = directory.join(name);
        let file =
            rustix::fs::open(&path, OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC, Mode::from(0o600))
                .ok()?;
        rustix::fs::flock(&file, operation).ok()?;
        same_file(&file, &path).then_some(Self { path, _file: file })
    }

    /// Removes the file while it is held; whoever waits notices.
    pub(crate) fn remove(self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether the path still names the opened file.
fn same_file(file: &OwnedFd, path: &Path) -> bool {
    let (Ok(held), Ok(found)) = (rustix::fs::fstat(file), std::fs::metadata(path)) else { return false };
    held.st_ino == found.ino() && held.st_dev == found.dev()
}

/// The process that holds the lock, for the message.
fn holder(path: &Path) -> String {
    let Some(pid) = holder_pid(path) else { return "another process".into() };
    let command = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!("process {pid} ({})", command.trim_end())
}

fn holder_pid(path: &Path) -> Option<u32> {
    let inode = std::fs::metadata(path).ok()?.ino().to_string();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let matches = fields.get(5)?.rsplit(':').next()? == inode && fields.get(1) != Some(&"->");
        if matches { fields.get(4)?.parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_lock_is_taken_anew() {
        let folder = std::env::temp_dir().join(format!("cove-engine-lock-{}", std::process::id()));
        let first = ObjectLock::acquire(&folder, "x").unwrap();
        let waiting = {
            let folder = folder.clone();
            std::thread::spawn(move || ObjectLock::acquire(&folder, "x").unwrap())
        };
        std::thread::sleep(Duration::from_millis(30));
        let error = ObjectLock::acquire_within(&folder, "x", Duration::from_millis(1)).unwrap_err();
        let me = format!("by process {} (", std::process::id());
        assert!(error.message.contains(&me), "{}", error.message);
        first.remove();
        let second = waiting.join().unwrap();
        assert!(folder.join("x").exists());
        second.remove();
        fs::remove_dir_all(&folder).unwrap();
    }
}
