//! Reading the log, also what is still to come.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use cove_api::{Error, Event, EventOptions, Result, Timestamp, ValueStream};
use cove_sys::fs;
use rustix::fs::inotify;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

use super::line::{self, ROTATION};
use super::{EventLog, filter};

/// Longest line read back, in bytes; longer ones are skipped.
const MAX_LINE: usize = 1 << 20;

/// The events that match, up to now or (with `stream`) on and on.
pub(super) fn stream(log: &EventLog, options: EventOptions) -> Result<ValueStream<Event>> {
    // There is a folder to be watched from now on.
    drop(log.lock()?);
    let (sender, receiver) = mpsc::channel(64);
    // Watching begins before the first read, so nothing falls between.
    let watch = if options.stream && options.until.is_none_or(|until| until > Timestamp::now()) {
        Some(Watch::new(log.directory())?)
    } else {
        None
    };
    // Without --since and --until a stream shows only what happens from now on; a look back shows everything.
    let mut reader = Reader::open(log, options.since.is_none() && options.until.is_none() && options.stream)?;
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
                if filter::matches(&event, &options) && sender.send(Ok(event)).await.is_err() {
                    return;
                }
            }
        }
    });
    Ok(Box::pin(ReceiverStream { receiver }))
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

/// Reads whole lines, on and on where the file is replaced.
struct Reader {
    log: EventLog,
    file: Option<fs::File>,
    inode: u64,
    rest: Vec<u8>,
    skipping: bool,
    /// Time of the newest event read, nanoseconds since the epoch.
    last: i64,
    /// Inside of what a rotation has kept, which may have been read already.
    repeats: bool,
    started: Timestamp,
}

impl Reader {
    fn open(log: &EventLog, at_end: bool) -> std::io::Result<Self> {
        let mut reader = Self {
            log: log.clone(),
            file: None,
            inode: 0,
            rest: Vec::new(),
            skipping: false,
            last: i64::MIN,
            repeats: false,
            started: Timestamp::now(),
        };
        reader.switch_to()?;
        if at_end && let Some(file) = &mut reader.file {
            file.seek(SeekFrom::End(0))?;
        }
        Ok(reader)
    }

    fn switch_to(&mut self) -> std::io::Result<()> {
        match fs::File::open(self.log.path()) {
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
                self.switch_to()?;
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

    /// Whether the event has not been read before.
    fn is_new(&mut self, event: &Event) -> bool {
        match event.attribute(ROTATION) {
            "begin" if event.timestamp() > self.started => {
                self.repeats = true;
                return false;
            }
            "end" => self.repeats = false,
            _ => {}
        }
        let is_new = !self.repeats || event.time_nano > self.last;
        self.last = self.last.max(event.time_nano);
        is_new
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
                    && let Some(event) = line::read(&self.rest)
                    && self.is_new(&event)
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

#[cfg(test)]
mod tests {
    use super::super::Place;
    use super::*;
    use crate::event::Backend;
    use cove_api::StringMap;
    use futures_util::StreamExt as _;

    fn attributes(name: &str) -> StringMap {
        [("name".to_owned(), name.to_owned())].into()
    }

    fn log(folder: &Path, limit: u64) -> EventLog {
        EventLog::new(Place { path: folder.join("events.log"), limit, backend: Backend::File })
    }

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("cove-engine-events-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[tokio::test]
    async fn past_and_future_events_are_read() {
        let folder = folder("read");
        let log = log(&folder, 0);
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
        fs::remove_dir_all(&folder).unwrap();
    }

    /// Whoever follows the file gets each event once and in order.
    #[tokio::test]
    async fn no_event_is_lost_or_told_twice_when_the_log_is_cut() {
        let folder = folder("rotate");
        // Between two looks the file is cut once at most.
        let log = log(&folder, 40_000);
        log.write("container", "create", "before", attributes("x"));
        let options = EventOptions { stream: true, ..EventOptions::default() };
        let mut live = log.read(options).unwrap();
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let log = log.clone();
                std::thread::spawn(move || {
                    for number in 0..100 {
                        log.write("container", "start", &format!("{writer}-{number}"), attributes("x"));
                        std::thread::yield_now();
                    }
                })
            })
            .collect();
        let mut seen = std::collections::HashSet::new();
        let mut last = 0;
        while seen.len() < 400 {
            let event = live.next().await.unwrap().unwrap();
            if event.kind == "system" {
                continue;
            }
            assert!(seen.insert(event.actor.id.clone()), "twice: {}", event.actor.id);
            assert!(event.time_nano >= last, "out of order");
            last = event.time_nano;
        }
        for writer in writers {
            writer.join().unwrap();
        }
        assert!(fs::metadata(log.path()).unwrap().len() < 40_000);
        let all: Vec<_> = log.read(EventOptions::default()).unwrap().map(Result::unwrap).collect().await;
        assert_eq!((all[0].action.as_str(), all[0].attribute(ROTATION)), ("log-rotation", "begin"));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_log_that_is_none_is_for_the_engine_alone() {
        let place = Place { path: folder("none").join("events.log"), limit: 0, backend: Backend::None };
        let error = EventLog::new(place).read(EventOptions::default()).err().unwrap();
        assert_eq!(error.message, "cannot read events with the \"none\" backend");
    }
}
