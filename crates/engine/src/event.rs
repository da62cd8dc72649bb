//! The event log: a file of JSON lines in the run directory that every process appends to and follows live.
//!
//! A line is one `write(2)` on a file opened for appending, so lines of several processes do not mix. Above
//! [`ROTATE_AT`] the file is renamed to `events.log.1` (one old file is kept) under a lock; followers notice by
//! inotify, which also wakes them for each new line.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cove_api::{Error, Event, EventActor, EventOptions, Result, StringMap, Timestamp, ValueStream};
use cove_sys::fs;
use cove_sys::lock::FileLock;
use rustix::fs::inotify;
use rustix::fs::{Mode, OFlags};
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

/// Size in bytes at which a new file is begun.
const ROTATE_AT: u64 = 8 << 20;

/// Longest line read back, in bytes; longer ones are skipped.
const MAX_LINE: usize = 1 << 20;

/// Where events are written to and read from.
#[derive(Debug, Clone)]
pub(crate) struct EventLog {
    directory: PathBuf,
}

impl EventLog {
    pub(crate) fn new(run_dir: &Path) -> Self {
        Self { directory: run_dir.join("events") }
    }

    /// The current file.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.join("events.log")
    }

    fn old_path(&self) -> PathBuf {
        self.directory.join("events.log.1")
    }

    /// Appends an event with the present time. An event that cannot be written is only traced: what it tells of
    /// has happened already.
    pub(crate) fn write(&self, kind: &str, action: &str, id: &str, attributes: StringMap) {
        let now = Timestamp::now();
        let event = Event {
            kind: kind.into(),
            action: action.into(),
            actor: EventActor { id: id.into(), attributes },
            scope: "local".into(),
            time: now.as_second(),
            time_nano: i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX),
        };
        if let Err(error) = self.append(&event) {
            tracing::warn!("event log {}: {error}", self.path().display());
        }
    }

    fn append(&self, event: &Event) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        let file = match self.open_for_append() {
            Err(rustix::io::Errno::NOENT) => {
                crate::state::make_private(&self.directory)?;
                self.open_for_append()?
            }
            other => other?,
        };
        let written = rustix::io::write(&file, &line)?;
        if written != line.len() {
            return Err(std::io::Error::other("short write"));
        }
        if rustix::fs::fstat(&file)?.st_size.unsigned_abs() > ROTATE_AT {
            self.rotate()?;
        }
        Ok(())
    }

    fn open_for_append(&self) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
        rustix::fs::open(self.path(), flags, Mode::from(0o600))
    }

    fn rotate(&self) -> std::io::Result<()> {
        let _lock = FileLock::exclusive(&self.directory.join("rotate.lock"))?;
        // Somebody else may have done it while we waited.
        if std::fs::metadata(self.path()).is_ok_and(|found| found.len() > ROTATE_AT) {
            fs::rename(self.path(), self.old_path())?;
        }
        Ok(())
    }

    /// The events that match, up to now or (with `stream`) on and on.
    pub(crate) fn read(&self, options: EventOptions) -> Result<ValueStream<Event>> {
        check_filters(&options)?;
        crate::state::make_private(&self.directory)?;
        let (sender, receiver) = mpsc::channel(64);
        // Watching begins before the first read, so nothing falls between.
        let watch = if options.stream && options.until.is_none_or(|until| until > Timestamp::now()) {
            Some(Watch::new(&self.directory)?)
        } else {
            None
        };
        // Without --since a stream shows only what happens from now on; a look back shows everything.
        let mut reader = Reader::open(self, options.since.is_none() && options.stream)?;
        tokio::spawn(async move {
            loop {
                let batch = match reader.next_batch() {
                    Ok(batch) => batch,
                    Err(error) => {
                        let _ = sender.send(Err(error.into())).await;
                        return;
                    }
                };
                if batch.is_empty() {
                    let Some(watch) = &watch else { return };
                    let changed = async {
                        match options.until {
                            None => watch.changed().await.map(|()| true),
                            Some(until) => {
                                let left = until.duration_since(Timestamp::now());
                                let left = std::time::Duration::try_from(left).unwrap_or_default();
                                match tokio::time::timeout(left, watch.changed()).await {
                                    Ok(result) => result.map(|()| true),
                                    Err(_) => Ok(false),
                                }
                            }
                        }
                    };
                    let go_on = tokio::select! {
                        result = changed => result,
                        () = sender.closed() => return,
                    };
                    match go_on {
                        Ok(true) => continue,
                        Ok(false) => return,
                        Err(error) => {
                            let _ = sender.send(Err(error.into())).await;
                            return;
                        }
                    }
                }
                for event in batch {
                    if matches(&event, &options) && sender.send(Ok(event)).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Box::pin(ReceiverStream { receiver }))
    }
}

struct ReceiverStream {
    receiver: mpsc::Receiver<Result<Event>>,
}

impl futures_util::Stream for ReceiverStream {
    type Item = Result<Event>;
    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.receiver.poll_recv(context)
    }
}

/// Reads whole lines from the old and the current file.
struct Reader {
    log: EventLog,
    file: Option<fs::File>,
    inode: u64,
    rest: Vec<u8>,
    skipping: bool,
}

impl Reader {
    fn open(log: &EventLog, at_end: bool) -> std::io::Result<Self> {
        let mut reader = Self { log: log.clone(), file: None, inode: 0, rest: Vec::new(), skipping: false };
        let first = if at_end || !log.old_path().exists() { log.path() } else { log.old_path() };
        reader.switch_to(&first)?;
        if at_end && let Some(file) = &mut reader.file {
            file.seek(SeekFrom::End(0))?;
        }
        Ok(reader)
    }

    fn switch_to(&mut self, path: &Path) -> std::io::Result<()> {
        match fs::File::open(path) {
            Ok(file) => {
                self.inode = file.metadata()?.ino();
                self.file = Some(file);
                self.rest.clear();
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The next events; empty where there are none yet.
    fn next_batch(&mut self) -> std::io::Result<Vec<Event>> {
        let mut buffer = vec![0_u8; 64 << 10];
        loop {
            let Some(file) = &mut self.file else {
                let path = self.log.path();
                self.switch_to(&path)?;
                if self.file.is_none() {
                    return Ok(Vec::new());
                }
                continue;
            };
            let count = file.read(&mut buffer)?;
            if count == 0 {
                // At the end of a file that is no longer the current one, go on with the next.
                let current = std::fs::metadata(self.log.path()).map(|found| found.ino());
                match current {
                    Ok(inode) if inode != self.inode => {
                        self.file = None;
                        continue;
                    }
                    _ => return Ok(Vec::new()),
                }
            }
            let events = self.take_lines(&buffer[..count]);
            if !events.is_empty() {
                return Ok(events);
            }
        }
    }

    fn take_lines(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let complete = piece.ends_with(b"\n");
            if !self.skipping {
                self.rest.extend_from_slice(piece);
                if self.rest.len() > MAX_LINE {
                    self.rest.clear();
                    self.skipping = true;
                }
            }
            if complete {
                if !self.skipping
                    && let Ok(event) = serde_json::from_slice(&self.rest)
                {
                    events.push(event);
                }
                self.rest.clear();
                self.skipping = false;
            }
        }
        events
    }
}

/// Wakes when something in the directory changes.
struct Watch {
    fd: AsyncFd<OwnedFd>,
}

impl Watch {
    fn new(directory: &Path) -> Result<Self> {
        let fd = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).map_err(
            |errno| {
                Error::from(std::io::Error::from(errno))
                    .context("events cannot be followed (see the sysctl fs.inotify.max_user_instances)")
            },
        )?;
        let flags = inotify::WatchFlags::MODIFY | inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO;
        inotify::add_watch(&fd, directory, flags).map_err(std::io::Error::from)?;
        // SAFETY: the descriptor is owned by the registration, which alone closes it, and always names the same
        // inotify instance.
        let fd = unsafe { AsyncFd::register(fd) }.map_err(std::io::Error::from)?;
        Ok(Self { fd })
    }

    async fn changed(&self) -> std::io::Result<()> {
        let mut ready = self.fd.readable().await?;
        let mut buffer = [0_u8; 4096];
        while rustix::io::read(self.fd.as_fd(), &mut buffer).is_ok_and(|count| count > 0) {}
        ready.clear_ready();
        Ok(())
    }
}

const FILTERS: &[&str] =
    &["container", "event", "image", "label", "name", "network", "pod", "type", "volume", "secret"];

fn check_filters(options: &EventOptions) -> Result<()> {
    for key in options.filters.keys() {
        if !FILTERS.contains(&key.as_str()) {
            return Err(Error::invalid(format!("{key:?} is an invalid event filter")));
        }
    }
    Ok(())
}

/// Whether the event is wanted: values of one key are alternatives, keys are all required.
fn matches(event: &Event, options: &EventOptions) -> bool {
    let time = event.timestamp();
    if options.since.is_some_and(|since| time < since) || options.until.is_some_and(|until| time > until) {
        return false;
    }
    options.filters.iter().all(|(key, values)| values.iter().any(|value| matches_one(event, key, value)))
}

fn matches_one(event: &Event, key: &str, value: &str) -> bool {
    let of_kind = |kind: &str| {
        event.kind == kind && (event.actor.id.starts_with(value) || event.attribute("name") == value)
    };
    match key {
        "container" => of_kind("container"),
        "event" => event.action == value || (value == "die" && event.action == "died"),
        "image" => {
            of_kind("image")
                || event.attribute("name").contains(value) && event.kind == "image"
                || event.attribute("image").contains(value)
        }
        "label" => match value.split_once('=') {
            Some((name, wanted)) => event.actor.attributes.get(name).is_some_and(|found| found == wanted),
            None => event.actor.attributes.contains_key(value),
        },
        "name" => event.attribute("name") == value,
        "network" => of_kind("network"),
        "pod" => of_kind("pod"),
        "type" => event.kind == value,
        "volume" => of_kind("volume"),
        "secret" => of_kind("secret"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt as _;

    fn attributes(name: &str) -> StringMap {
        [("name".to_owned(), name.to_owned())].into()
    }

    #[tokio::test]
    async fn past_and_future_events_are_read() {
        let folder = std::env::temp_dir().join(format!("cove-engine-events-{}", std::process::id()));
        let log = EventLog::new(&folder);
        log.write("container", "create", "abc", attributes("one"));
        log.write("container", "remove", "abc", attributes("one"));
        let all: Vec<_> = log.read(EventOptions::default()).unwrap().collect().await;
        assert_eq!(all.len(), 2);

        let mut options = EventOptions { stream: true, ..EventOptions::default() };
        options.filters.insert("event".into(), vec!["start".into()]);
        let mut live = log.read(options).unwrap();
        log.write("container", "init", "def", attributes("two"));
        log.write("container", "start", "def", attributes("two"));
        let event = live.next().await.unwrap().unwrap();
        assert_eq!((event.action.as_str(), event.actor.id.as_str()), ("start", "def"));
        fs::rename(log.path(), log.old_path()).unwrap();
        log.write("container", "start", "ghi", attributes("three"));
        assert_eq!(live.next().await.unwrap().unwrap().actor.id, "ghi");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn unknown_filters_are_refused() {
        let mut options = EventOptions::default();
        options.filters.insert("nonsense".into(), vec!["x".into()]);
        assert!(check_filters(&options).is_err());
    }
}
