//! `machine logs`: what the guest wrote to its console since its last start, and what the agent has to say.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use cove_sys::fs;
use jiff::{SignedDuration, Timestamp};

use super::machines::Machines;
use crate::boot_log;
use crate::error::{Error, Result};
use crate::name::MachineName;
use crate::paths::MachinePaths;
use crate::provider::VmProvider;

/// The part of a line that is shown, in bytes.
const LINE_LIMIT: usize = 16 << 10;
/// Read at a time, in bytes.
const PIECE: u64 = 64 << 10;

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSource {
    /// The guest, on its console.
    Console,
    /// The agent on this host.
    Agent,
}

/// A line of a machine's logs. Its text is the guest's and may hold anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineLogLine {
    /// Who wrote it.
    pub source: LogSource,
    /// The line without its end.
    pub text: String,
}

/// The logs of a machine's present or last run, read piece by piece.
pub struct MachineLogs {
    sources: [Lines; 2],
    since: Option<Timestamp>,
    provider: Box<dyn VmProvider>,
    paths: MachinePaths,
}

impl Machines {
    /// Opens a machine's logs. The guest has no clock of ours: a line of its console is as old as the time since its
    /// kernel's start says that it begins with, and one without is as old as the line before it.
    ///
    /// # Errors
    /// There is no such machine, its provider keeps no console, or `since` is asked for where the file system does
    /// not say when the console's file was made.
    pub fn logs(&self, name: &MachineName, since: Option<Timestamp>) -> Result<MachineLogs> {
        let (record, paths) = self.load(name)?;
        let provider = self.provider(record.provider);
        if !provider.capabilities().console {
            return Err(Error::ProviderUnsupported {
                provider: record.provider.to_string(),
                reason: "it keeps no log of its machines' consoles",
            });
        }
        let started = started(&paths.console())?;
        if since.is_some() && started.is_none() {
            return Err(Error::BadOption {
                option: "--since",
                reason: "this file system does not say when the machine was started".into(),
            });
        }
        let sources = [
            Lines::new(LogSource::Console, paths.console(), started),
            Lines::new(LogSource::Agent, paths.agent_log(), started),
        ];
        Ok(MachineLogs { sources, since, provider, paths })
    }
}

impl MachineLogs {
    /// The lines since the last call. With `rest`, a last line without an end is among them.
    ///
    /// # Errors
    /// A log cannot be read.
    pub fn next(&mut self, rest: bool) -> Result<Vec<MachineLogLine>> {
        let mut lines = Vec::new();
        for source in &mut self.sources {
            source.read(self.since, rest, &mut lines)?;
        }
        Ok(lines)
    }

    /// Whether more may come.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.provider.is_alive(&self.paths)
    }
}

/// When the console's file was made, which is when the VM was started; `None` where nobody knows.
fn started(console: &Path) -> Result<Option<Timestamp>> {
    match fs::metadata(console) {
        Ok(metadata) => Ok(metadata.created().ok().and_then(|time| Timestamp::try_from(time).ok())),
        // Never started: nothing will be shown.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Some(Timestamp::now())),
        Err(error) => Err(error.into()),
    }
}

/// A file of lines that grows while it is read.
struct Lines {
    source: LogSource,
    path: PathBuf,
    started: Option<Timestamp>,
    read: u64,
    line: Vec<u8>,
    /// When the last line with a time was written.
    time: Option<Timestamp>,
}

impl Lines {
    fn new(source: LogSource, path: PathBuf, started: Option<Timestamp>) -> Self {
        Self { source, path, started, read: 0, line: Vec::new(), time: started }
    }

    fn read(&mut self, since: Option<Timestamp>, rest: bool, lines: &mut Vec<MachineLogLine>) -> Result<()> {
        loop {
            let piece = match self.piece() {
                Ok(piece) => piece,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            if piece.is_empty() {
                break;
            }
            for byte in piece {
                if byte == b'\n' {
                    lines.extend(self.take(since));
                } else if self.line.len() < LINE_LIMIT {
                    self.line.push(byte);
                }
            }
        }
        if rest && !self.line.is_empty() {
            lines.extend(self.take(since));
        }
        Ok(())
    }

    fn piece(&mut self) -> std::io::Result<Vec<u8>> {
        let mut file = fs::File::open(&self.path)?;
        if file.metadata()?.len() < self.read {
            // The agent cuts a console that grows too long to its end.
            self.read = 0;
        }
        file.seek(SeekFrom::Start(self.read))?;
        let mut data = Vec::new();
        file.take(PIECE).read_to_end(&mut data)?;
        self.read += data.len() as u64;
        Ok(data)
    }

    /// The line that is complete, where it is young enough.
    fn take(&mut self, since: Option<Timestamp>) -> Option<MachineLogLine> {
        let text = String::from_utf8_lossy(&self.line).trim_end_matches('\r').to_owned();
        self.line.clear();
        if let Some(time) = self.time_of(&text) {
            self.time = Some(time);
        }
        let wanted = since.is_none_or(|since| self.time.is_some_and(|time| time >= since));
        wanted.then_some(MachineLogLine { source: self.source, text })
    }

    fn time_of(&self, text: &str) -> Option<Timestamp> {
        match self.source {
            LogSource::Console => {
                let uptime = SignedDuration::try_from_secs_f64(boot_log::uptime(text)?).ok()?;
                self.started?.checked_add(uptime).ok()
            }
            LogSource::Agent => text.strip_prefix("time=\"")?.split('"').next()?.parse().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn lines_are_whole_dated_and_go_on_after_a_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("console.log");
        let started: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let since = "2026-01-01T00:00:02Z".parse().unwrap();
        let mut lines = Lines::new(LogSource::Console, path.clone(), Some(started));
        let mut read = |rest| {
            let mut found = Vec::new();
            lines.read(Some(since), rest, &mut found).unwrap();
            found.into_iter().map(|line| line.text).collect::<Vec<_>>()
        };
        assert!(read(false).is_empty());
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(b"early\r\n[    1.500] one\r\nof one\n[    2.500] two\r\nof two\ncove-init: st")
            .unwrap();
        assert_eq!(read(false), ["[    2.500] two", "of two"]);
        file.write_all(b"age ssh 3.25\nhalf").unwrap();
        assert_eq!(read(false), ["cove-init: stage ssh 3.25"]);
        assert_eq!(read(true), ["half"]);
        fs::write(&path, "[  9.0] after a cut\n").unwrap();
        assert_eq!(read(true), ["[  9.0] after a cut"]);
    }

    #[test]
    fn the_agent_writes_times() {
        let lines = Lines::new(LogSource::Agent, PathBuf::new(), None);
        let time = lines.time_of("time=\"2026-01-01T01:00:00+01:00\" level=warning msg=\"x\"");
        assert_eq!(time.unwrap().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(lines.time_of("time=\"now\" level=warning"), None);
    }
}
