//! The guest's console log, as the command that waits for the guest reads it.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use cove_sys::{atomic, fs};

use crate::boot_log::{self, Fault};
use crate::error::Result;
use crate::paths::MachinePaths;

/// Lines of the log in an error message.
const TAIL_LINES: usize = 15;
/// Logs are read back up to this size.
const LOG_LIMIT: u64 = 1 << 20;
/// The part of a line that is looked at.
const LINE_LIMIT: usize = 4096;

/// Keeps the former boot's console as `console.log.1`.
pub(super) fn rotate(paths: &MachinePaths) -> Result<()> {
    let console = paths.console();
    match fs::rename(&console, console.with_extension("log.1")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    atomic::write(&console, b"", 0o600)?;
    Ok(())
}

/// The last lines of a log, for an error message.
pub(super) fn tail(path: &Path) -> String {
    boot_log::tail(&read_log(path), TAIL_LINES)
}

/// The end of a log that somebody else writes.
pub(super) fn read_log(path: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = fs::File::open(path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(LOG_LIMIT)))?;
        let mut data = Vec::new();
        file.take(LOG_LIMIT).read_to_end(&mut data)?;
        Ok(data)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// A console log that is followed while it grows.
pub(super) struct Console {
    path: PathBuf,
    read: u64,
    line: Vec<u8>,
}

impl Console {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), read: 0, line: Vec::new() }
    }

    /// The faults in the lines that were completed since the last call.
    pub(super) fn new_faults(&mut self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for byte in self.more().unwrap_or_default() {
            if byte == b'\n' {
                faults.extend(boot_log::fault(&String::from_utf8_lossy(&self.line)));
                self.line.clear();
            } else if self.line.len() < LINE_LIMIT {
                self.line.push(byte);
            }
        }
        faults
    }

    /// Whether nothing has been read yet.
    pub(super) fn is_silent(&self) -> bool {
        self.read == 0
    }

    fn more(&mut self) -> std::io::Result<Vec<u8>> {
        let mut file = fs::File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut data = Vec::new();
        file.take(LOG_LIMIT).read_to_end(&mut data)?;
        self.read += data.len() as u64;
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_fault_is_said_once_and_only_when_its_line_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("console.log");
        let mut console = Console::new(&path);
        assert!(console.new_faults().is_empty() && console.is_silent());
        let mut log = fs::File::create(&path).unwrap();
        log.write_all(b"all is well\r\n[  33.0] nvme nvme0: I/O 1 QID 1 timeo").unwrap();
        assert!(console.new_faults().is_empty() && !console.is_silent());
        log.write_all(b"ut, aborting\r\nmore").unwrap();
        let faults = console.new_faults();
        assert_eq!(faults.len(), 1);
        assert!(faults[0].fatal && faults[0].line.ends_with("timeout, aborting"));
        assert!(console.new_faults().is_empty());
    }
}
