//! The log file, in the format of Kubernetes' CRI: `2026-11-22T10:00:00.000000000+00:00 stdout F text`.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;

use crate::journal::Journal;
use cove_sys::fs;
use fs::os::unix::fs::OpenOptionsExt;

/// Which stream a piece of output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Where output is kept.
pub(crate) enum Sink {
    /// In a file.
    File(Log),
    /// In the journal.
    Journal(Journal),
}

impl Sink {
    /// Adds output as it came; lines may be cut anywhere.
    pub(crate) fn write(&mut self, stream: Stream, data: &[u8]) {
        match self {
            Self::File(log) => log.write(stream, data),
            Self::Journal(journal) => journal.write(stream, data),
        }
    }

    /// Opens a file by its name again.
    pub(crate) fn reopen(&mut self) -> io::Result<()> {
        match self {
            Self::File(log) => log.reopen(),
            Self::Journal(_) => Ok(()),
        }
    }
}

/// An open log file.
pub(crate) struct Log {
    path: PathBuf,
    file: fs::File,
    max_size: Option<u64>,
    files: u32,
    size: u64,
    clock: Clock,
    buffer: Vec<u8>,
    /// After a failed write (disk full) output is dropped rather than blocking the container.
    failed: bool,
}

impl Log {
    pub(crate) fn open(path: PathBuf, max_size: Option<u64>, files: u32) -> io::Result<Self> {
        let file = open_file(&path, false)?;
        let size = file.metadata()?.len();
        let clock = Clock::default();
        Ok(Self { path, file, max_size, files, size, clock, buffer: Vec::new(), failed: false })
    }

    /// Opens the file by its name again.
    pub(crate) fn reopen(&mut self) -> io::Result<()> {
        self.file = open_file(&self.path, false)?;
        self.size = self.file.metadata()?.len();
        self.failed = false;
        Ok(())
    }

    /// Adds output as it came; lines may be cut anywhere.
    pub(crate) fn write(&mut self, stream: Stream, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        self.buffer.clear();
        let time = self.clock.now();
        let mut rest = data;
        while !rest.is_empty() {
            let (line, tag, next) = match rest.iter().position(|b| *b == b'\n') {
                Some(end) => (&rest[..end], b'F', &rest[end + 1..]),
                None => (rest, b'P', &rest[rest.len()..]),
            };
            self.buffer.extend_from_slice(time.as_bytes());
            self.buffer.push(b' ');
            self.buffer.extend_from_slice(stream.name().as_bytes());
            self.buffer.extend_from_slice(&[b' ', tag, b' ']);
            self.buffer.extend_from_slice(line);
            self.buffer.push(b'\n');
            rest = next;
        }
        self.flush();
    }

    fn flush(&mut self) {
        let length = self.buffer.len() as u64;
        if self.max_size.is_some_and(|max| self.size > 0 && self.size.saturating_add(length) > max) {
            self.start_anew();
        }
        match self.file.write_all(&self.buffer) {
            Ok(()) => {
                self.size += length;
                self.failed = false;
            }
            Err(_) => self.failed = true,
        }
        if self.buffer.capacity() > 256 << 10 {
            self.buffer = Vec::new();
        }
    }

    /// Replaces the file by an empty one, so that a reader that holds the old one still has its text.
    fn start_anew(&mut self) {
        let mut temporary = self.path.clone().into_os_string();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        for number in (1..self.files).rev() {
            // The oldest one is replaced.
            let _ = fs::rename(numbered(&self.path, number - 1), numbered(&self.path, number));
        }
        if let Ok(file) = open_file(&temporary, true)
            && fs::rename(&temporary, &self.path).is_ok()
        {
            self.file = file;
            self.size = 0;
        }
    }
}

/// The file that was the log so many files ago.
fn numbered(path: &std::path::Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

fn open_file(path: &std::path::Path, truncate: bool) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.create(true).mode(0o600).custom_flags(libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK);
    if truncate {
        options.write(true).truncate(true);
    } else {
        options.append(true);
    }
    let file = options.open(path)?;
    let kind = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(file.as_fd())?.st_mode);
    if !kind.is_file() && !kind.is_char_device() {
        return Err(io::Error::other(format!("{}: not a file", path.display())));
    }
    Ok(file)
}

/// Local time as text; the conversion is asked of libc once a second at most.
#[derive(Default)]
pub(crate) struct Clock {
    second: i64,
    date: String,
    offset: String,
}

impl Clock {
    pub(crate) fn now(&mut self) -> String {
        let ns = crate::host::now_ns();
        let (second, fraction) = (ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000));
        if second != self.second || self.date.is_empty() {
            self.second = second;
            // SAFETY: localtime_r fills the zeroed struct from the time given; both pointers are to locals.
            let tm = unsafe {
                let mut tm: libc::tm = std::mem::zeroed();
                libc::localtime_r(&raw const second, &raw mut tm);
                tm
            };
            self.date = format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
                tm.tm_year + 1900,
                tm.tm_mon + 1,
                tm.tm_mday,
                tm.tm_hour,
                tm.tm_min,
                tm.tm_sec
            );
            let sign = if tm.tm_gmtoff < 0 { '-' } else { '+' };
            let minutes = tm.tm_gmtoff.abs() / 60;
            self.offset = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
        }
        format!("{}.{fraction:09}{}", self.date, self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("cove-monitor-{name}-{}", std::process::id()))
    }

    #[test]
    fn full_and_partial_lines() {
        let path = temporary("log");
        let mut log = Log::open(path.clone(), None, 1).unwrap();
        log.write(Stream::Stdout, b"one\ntw");
        log.write(Stream::Stdout, b"o\n");
        log.write(Stream::Stderr, b"open");
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let rest: Vec<&str> = text.lines().map(|l| l.split_once(' ').unwrap().1).collect();
        assert_eq!(rest, ["stdout F one", "stdout P tw", "stdout F o", "stderr P open"]);
        assert_eq!(text.lines().next().unwrap().find(' '), Some(35));
    }

    #[test]
    fn keeps_files_that_were_full() {
        let path = temporary("files");
        let mut log = Log::open(path.clone(), Some(100), 3).unwrap();
        for number in 0..5 {
            log.write(Stream::Stdout, format!("{number}{}\n", "x".repeat(60)).as_bytes());
        }
        let first = |number| {
            let text = fs::read_to_string(numbered(&path, number)).unwrap();
            fs::remove_file(numbered(&path, number)).unwrap();
            text.split(' ').nth(3).unwrap()[..1].to_owned()
        };
        assert_eq!([first(0), first(1), first(2)], ["4", "3", "2"]);
        assert!(!numbered(&path, 3).exists());
    }

    #[test]
    fn starts_anew_at_its_limit() {
        let path = temporary("limit");
        let mut log = Log::open(path.clone(), Some(200), 1).unwrap();
        for _ in 0..50 {
            log.write(Stream::Stdout, b"0123456789\n");
        }
        let length = fs::metadata(&path).unwrap().len();
        fs::remove_file(&path).unwrap();
        assert!((50..=200).contains(&length), "{length}");
    }
}
