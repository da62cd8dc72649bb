//! Reading log files in the format of Kubernetes' CRI: `TIME STREAM P|F TEXT`.
//!
//! Reading needs little memory whatever the file holds: lines are given out in pieces of at most `MAX_PIECE` bytes, and
//! the last lines are found by going backwards in blocks.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cove_api::OutputStream;
use cove_sys::fs;
use rustix::fs::inotify;

use crate::error::{Error, Result};

/// Largest piece of a line.
pub(crate) const MAX_PIECE: usize = 256 << 10;

/// Block in which a file is read backwards.
const BLOCK: u64 = 64 << 10;

/// Enough of a line to hold time, stream and tag.
const HEAD: u64 = 64;

/// How long a follower waits before it looks again even when nothing told it to.
const PATIENCE: Duration = Duration::from_millis(500);

/// The same where there is no inotify.
const POLL: Duration = Duration::from_millis(100);

/// Which lines are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Not before this time, nanoseconds since 1970.
    pub since: Option<i64>,
    /// Not after this time, nanoseconds since 1970.
    pub until: Option<i64>,
    /// Only the last lines.
    pub tail: Option<u64>,
}

/// A line, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written, as the file has it (RFC 3339).
    pub time: String,
    /// The same, nanoseconds since 1970.
    pub time_ns: i64,
    /// Where it came from.
    pub stream: OutputStream,
    /// The line goes on in the stream's next piece: no newline follows.
    pub partial: bool,
    /// The text without its newline.
    pub data: Bytes,
}

/// An open log.
#[derive(Debug)]
pub struct LogReader {
    path: PathBuf,
    reader: BufReader<fs::File>,
    options: LogOptions,
    /// A line that was read without its end, because it is still being written.
    begun: Vec<u8>,
    /// Time and stream of a line that is longer than a piece.
    long: Option<(String, i64, OutputStream)>,
    watch: Option<OwnedFd>,
}

impl LogReader {
    /// Opens a log at the first wanted line.
    ///
    /// # Errors
    /// The file does not exist or cannot be read.
    pub fn open(path: &Path, options: LogOptions) -> Result<Self> {
        let mut file = fs::File::open(path).map_err(Error::file)?;
        if let Some(lines) = options.tail {
            let start = tail_start(file.file(), lines).map_err(Error::io(path.display().to_string()))?;
            file.seek(SeekFrom::Start(start)).map_err(Error::file)?;
        }
        let reader = BufReader::with_capacity(64 << 10, file);
        Ok(Self { path: path.to_owned(), reader, options, begun: Vec::new(), long: None, watch: None })
    }

    /// The next line that is there already; `None` at the end of the file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn next_line(&mut self) -> Result<Option<LogLine>> {
        while let Some(line) = self.read_line()? {
            if self.options.until.is_some_and(|until| line.time_ns > until) {
                return Ok(None);
            }
            if self.options.since.is_none_or(|since| line.time_ns >= since) {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// The next line, waiting for it as long as `more_may_come` says so.
    ///
    /// It is asked twice a second at least; after it said no, what is in the file by then is still given out.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn follow(&mut self, more_may_come: &mut dyn FnMut() -> bool) -> Result<Option<LogLine>> {
        loop {
            if self.watch.is_none() {
                // Before reading, so that nothing is missed between reading and waiting.
                self.watch = watch(&self.path).ok();
            }
            if let Some(line) = self.next_line()? {
                return Ok(Some(line));
            }
            if self.options.until.is_some_and(|until| now_ns() > until) {
                return Ok(None);
            }
            if self.started_anew()? {
                continue;
            }
            if !more_may_come() {
                return self.next_line();
            }
            self.wait();
        }
    }

    /// Waits until the file may have changed.
    fn wait(&mut self) {
        let Some(watch) = &self.watch else { return std::thread::sleep(POLL) };
        let mut fds = [rustix::event::PollFd::new(watch, rustix::event::PollFlags::IN)];
        let timeout = rustix::event::Timespec { tv_sec: 0, tv_nsec: PATIENCE.as_nanos() as i64 };
        if let Ok(1..) = rustix::event::poll(&mut fds, Some(&timeout)) {
            let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
            let mut events = inotify::Reader::new(watch.as_fd(), &mut buffer);
            let started = Instant::now();
            while events.next().is_ok() && started.elapsed() < POLL {}
        }
    }

    /// Goes on with the new file when the log was started anew or cut.
    fn started_anew(&mut self) -> Result<bool> {
        let file = self.reader.get_ref();
        let ours = file.metadata().map_err(Error::file)?;
        let now = match fs::metadata(&self.path) {
            Ok(now) => now,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(Error::file(e)),
        };
        let position = self.reader.stream_position().map_err(Error::file)?;
        let same = (ours.dev(), ours.ino()) == (now.dev(), now.ino());
        if same && now.len() >= position {
            return Ok(false);
        }
        if same {
            self.reader.seek(SeekFrom::Start(0)).map_err(Error::file)?;
        } else {
            self.reader = BufReader::new(fs::File::open(&self.path).map_err(Error::file)?);
            self.watch = None;
        }
        self.begun.clear();
        self.long = None;
        Ok(true)
    }

    fn read_line(&mut self) -> Result<Option<LogLine>> {
        loop {
            let room = MAX_PIECE - self.begun.len().min(MAX_PIECE - 1);
            let length = (&mut self.reader)
                .take(room as u64)
                .read_until(b'\n', &mut self.begun)
                .map_err(Error::io(self.path.display().to_string()))?;
            let ended = self.begun.last() == Some(&b'\n');
            if !ended && self.begun.len() < MAX_PIECE {
                if length == 0 {
                    return Ok(None);
                }
                continue;
            }
            let mut raw = std::mem::take(&mut self.begun);
            if ended {
                raw.pop();
            }
            if let Some((time, time_ns, stream)) = self.long.take() {
                if !ended {
                    self.long = Some((time.clone(), time_ns, stream));
                }
                return Ok(Some(LogLine { time, time_ns, stream, partial: !ended, data: raw.into() }));
            }
            // What is not in the format is not shown: a damaged line costs itself alone.
            if let Some(mut line) = parse(raw) {
                if !ended {
                    line.partial = true;
                    self.long = Some((line.time.clone(), line.time_ns, line.stream));
                }
                return Ok(Some(line));
            }
        }
    }
}

/// Takes a line apart.
fn parse(raw: Vec<u8>) -> Option<LogLine> {
    let (time_end, stream, partial, text) = parse_head(&raw)?;
    let time = std::str::from_utf8(&raw[..time_end]).ok()?.to_owned();
    let time_ns = i64::try_from(time.parse::<jiff::Timestamp>().ok()?.as_nanosecond()).ok()?;
    Some(LogLine { time, time_ns, stream, partial, data: Bytes::from(raw).slice(text..) })
}

/// End of the time, stream, partial, start of the text.
fn parse_head(raw: &[u8]) -> Option<(usize, OutputStream, bool, usize)> {
    let head = &raw[..raw.len().min(HEAD as usize)];
    let time_end = head.iter().position(|b| *b == b' ')?;
    let rest = &head[time_end + 1..];
    let stream_end = rest.iter().position(|b| *b == b' ')?;
    let stream = match &rest[..stream_end] {
        b"stdout" => OutputStream::Stdout,
        b"stderr" => OutputStream::Stderr,
        _ => return None,
    };
    let partial = match rest.get(stream_end + 1)? {
        b'P' => true,
        b'F' => false,
        _ => return None,
    };
    let text = time_end + stream_end + 3;
    match raw.get(text) {
        Some(b' ') => Some((time_end, stream, partial, text + 1)),
        None => Some((time_end, stream, partial, text)),
        _ => None,
    }
}

/// Where the last `lines` lines begin. Pieces of a line count as one with its end.
fn tail_start(file: &std::fs::File, lines: u64) -> io::Result<u64> {
    let length = file.metadata()?.len();
    if lines == 0 {
        return Ok(length);
    }
    let mut counted = 0;
    let mut last = true;
    let mut following = length;
    let mut end = length;
    // Start of the block that was read before, which may hold the rest of a line's head.
    let mut ahead: Vec<u8> = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        let mut block = vec![0_u8; (end - start) as usize];
        file.read_exact_at(&mut block, start)?;
        let body = block.len();
        block.extend_from_slice(&ahead);
        let mut starts: VecDeque<usize> = VecDeque::new();
        if start == 0 {
            starts.push_back(0);
        }
        starts.extend(block[..body].iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1));
        for index in starts.into_iter().rev() {
            let position = start + index as u64;
            if position >= length {
                continue;
            }
            let line = &block[index..];
            let line = &line[..line.iter().position(|b| *b == b'\n').unwrap_or(line.len())];
            let Some((_, _, partial, _)) = parse_head(line) else { continue };
            if !partial || last {
                counted += 1;
                if counted > lines {
                    return Ok(following);
                }
            }
            last = false;
            following = position;
        }
        ahead = block[..block.len().min(HEAD as usize)].to_vec();
        end = start;
    }
    Ok(0)
}

fn watch(path: &Path) -> io::Result<OwnedFd> {
    let fd = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
    let events = inotify::WatchFlags::MODIFY
        | inotify::WatchFlags::MOVE_SELF
        | inotify::WatchFlags::DELETE_SELF
        | inotify::WatchFlags::ATTRIB;
    inotify::add_watch(&fd, path, events)?;
    Ok(fd)
}

fn now_ns() -> i64 {
    i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    struct File(PathBuf);

    impl File {
        fn new(name: &str, text: &[u8]) -> Self {
            let path = std::env::temp_dir().join(format!("cove-logs-{name}-{}", std::process::id()));
            fs::write(&path, text).unwrap();
            Self(path)
        }

        fn read(&self, options: LogOptions) -> Vec<String> {
            let mut reader = LogReader::open(&self.0, options).unwrap();
            let mut lines = Vec::new();
            while let Some(line) = reader.next_line().unwrap() {
                let mark = if line.partial { "…" } else { "" };
                lines.push(format!("{}{mark}", String::from_utf8_lossy(&line.data)));
            }
            lines
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn line(second: u32, tag: char, text: &str) -> String {
        format!("2026-11-22T10:00:{second:02}.000000000+00:00 stdout {tag} {text}\n")
    }

    #[test]
    fn lines_pieces_and_rubbish() {
        let text =
            line(0, 'F', "one") + "rubbish\n" + &line(1, 'P', "tw") + &line(1, 'F', "o") + &line(2, 'F', "");
        let file = File::new("lines", text.as_bytes());
        assert_eq!(file.read(LogOptions::default()), ["one", "tw…", "o", ""]);
        let at = |text: &str| {
            Some(i64::try_from(text.parse::<jiff::Timestamp>().unwrap().as_nanosecond()).unwrap())
        };
        let since = LogOptions { since: at("2026-11-22T11:00:01+01:00"), ..Default::default() };
        assert_eq!(file.read(since), ["tw…", "o", ""]);
        let until = LogOptions { until: at("2026-11-22T10:00:01Z"), ..Default::default() };
        assert_eq!(file.read(until), ["one", "tw…", "o"]);
        for (tail, expected) in
            [(0, vec![]), (1, vec![""]), (2, vec!["tw…", "o", ""]), (3, vec!["one", "tw…", "o", ""])]
        {
            assert_eq!(file.read(LogOptions { tail: Some(tail), ..Default::default() }), expected, "{tail}");
        }
    }

    #[test]
    fn tail_over_many_blocks() {
        let mut text = String::new();
        for n in 0..20_000 {
            text += &line(n % 60, 'F', &format!("line {n}"));
        }
        let file = File::new("tail", text.as_bytes());
        for tail in [1_u64, 2, 1000, 5000, 19_999, 20_000, 30_000] {
            let lines = file.read(LogOptions { tail: Some(tail), ..Default::default() });
            assert_eq!(lines.len() as u64, tail.min(20_000));
            assert_eq!(lines.last().unwrap(), "line 19999");
        }
    }

    #[test]
    fn huge_lines_come_in_pieces() {
        let huge = "x".repeat(3 * MAX_PIECE);
        let file = File::new("huge", (line(0, 'F', &huge) + &line(1, 'F', "end")).as_bytes());
        let mut reader = LogReader::open(&file.0, LogOptions::default()).unwrap();
        let mut total = 0;
        let mut pieces = 0;
        while let Some(piece) = reader.next_line().unwrap() {
            assert!(piece.data.len() <= MAX_PIECE);
            total += piece.data.len();
            pieces += 1;
        }
        assert_eq!(total, huge.len() + 3);
        assert!(pieces >= 4);
        assert_eq!(file.read(LogOptions { tail: Some(1), ..Default::default() }), ["end"]);
    }

    #[test]
    fn following_a_log_that_is_started_anew() {
        let file = File::new("follow", line(0, 'F', "one").as_bytes());
        let path = file.0.clone();
        let writer = std::thread::spawn(move || {
            let pause = || std::thread::sleep(Duration::from_millis(30));
            pause();
            let mut log = fs::OpenOptions::new().append(true).open(&path).unwrap();
            let two = line(1, 'F', "two");
            log.write_all(&two.as_bytes()[..20]).unwrap();
            pause();
            log.write_all(&two.as_bytes()[20..]).unwrap();
            pause();
            let next = path.with_extension("next");
            fs::write(&next, line(2, 'F', "three")).unwrap();
            fs::rename(&next, &path).unwrap();
        });
        let mut reader = LogReader::open(&file.0, LogOptions::default()).unwrap();
        let mut lines = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(5);
        while lines.len() < 3 {
            let line = reader.follow(&mut || Instant::now() < deadline).unwrap().unwrap();
            lines.push(String::from_utf8_lossy(&line.data).into_owned());
        }
        assert_eq!(lines, ["one", "two", "three"]);
        assert_eq!(reader.follow(&mut || false).unwrap(), None);
        writer.join().unwrap();
    }
}
