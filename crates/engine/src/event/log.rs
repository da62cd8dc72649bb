//! Where events are written to.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use cove_api::{
    Error, ErrorKind, Event, EventActor, EventOptions, Result, StringMap, Timestamp, ValueStream,
};
use cove_sys::fs;
use cove_sys::lock::FileLock;
use fs::os::unix::fs::OpenOptionsExt as _;

use super::line::{self, ROTATION};
use super::{JOURNAL, Journal, filter, journal, read};

/// Longest part of a line that is looked for in the middle of the file, in bytes.
const MAX_LINE: u64 = 1 << 20;

/// Where the events of an engine are.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The file.
    pub(crate) path: PathBuf,
    /// Bytes above which its older half goes; 0 is never.
    pub(crate) limit: u64,
    /// From where others than the engine itself read them.
    pub(crate) backend: Backend,
}

/// From where events are read.
#[derive(Debug, Clone)]
pub(crate) enum Backend {
    /// The file.
    File,
    /// The journal of systemd.
    Journal(Journal),
    /// Nowhere.
    None,
}

/// The events of an engine.
#[derive(Debug, Clone)]
pub(crate) struct EventLog {
    place: Place,
}

impl EventLog {
    pub(crate) fn new(place: Place) -> Self {
        Self { place }
    }

    /// As `info` names it.
    pub(crate) fn backend(&self) -> &'static str {
        match self.place.backend {
            Backend::File => "file",
            Backend::Journal(_) => "journald",
            Backend::None => "none",
        }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.place.path
    }

    /// The folder of the file.
    pub(super) fn directory(&self) -> &Path {
        self.place.path.parent().unwrap_or(Path::new("/"))
    }

    /// Appends an event with the present time. An event that cannot be written is only traced: what it tells of
    /// has happened already.
    pub(crate) fn write(&self, kind: &str, action: &str, id: &str, attributes: StringMap) {
        match self.append(kind, action, id, attributes) {
            Ok(event) if self.is_journal() => {
                if let Err(error) = journal::write(&event) {
                    tracing::warn!("event in the journal of systemd at {JOURNAL}: {error}");
                }
            }
            Ok(_) => {}
            Err(error) => tracing::warn!("event log {}: {error}", self.path().display()),
        }
    }

    /// Whether events are entries of the journal as well.
    pub(crate) fn is_journal(&self) -> bool {
        matches!(self.place.backend, Backend::Journal(_))
    }

    fn append(&self, kind: &str, action: &str, id: &str, attributes: StringMap) -> std::io::Result<Event> {
        let _lock = self.lock()?;
        let event = event(kind, action, id, attributes);
        let text = line::write(&event)?;
        if self.is_full(text.len()) {
            self.rotate()?;
        }
        let mut file = fs::OpenOptions::new();
        let mut file = file.append(true).create(true).mode(0o600).open(self.path())?;
        file.write_all(&text)?;
        Ok(event)
    }

    /// The lock under which the file is changed. Its folder is made where it is missing.
    pub(super) fn lock(&self) -> std::io::Result<FileLock> {
        let mut name = self.path().as_os_str().to_owned();
        name.push(".lock");
        match FileLock::exclusive(Path::new(&name)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                crate::state::make_private(self.directory())?;
                FileLock::exclusive(Path::new(&name))
            }
            lock => lock,
        }
    }

    fn is_full(&self, more: usize) -> bool {
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        let size = fs::metadata(self.path()).map_or(0, |found| found.len());
        self.place.limit > 0 && size > 0 && size.saturating_add(more) >= self.place.limit
    }

    /// Puts the newer half of the file in its place, in one step.
    fn rotate(&self) -> std::io::Result<()> {
        let mut old = fs::File::open(self.path())?;
        let size = old.metadata()?.len();
        old.seek(SeekFrom::Start(size / 2))?;
        let mut rest = Vec::new();
        old.read_to_end(&mut rest)?;
        // The first line is cut.
        let cut =
            rest.iter().take(usize::try_from(MAX_LINE).unwrap_or(usize::MAX)).position(|byte| *byte == b'\n');
        let kept = cut.map_or(&[][..], |end| &rest[end + 1..]);
        let mark = |which: &str| {
            let name = self.path().display().to_string();
            let attributes = [("name".to_owned(), name), (ROTATION.to_owned(), which.to_owned())].into();
            line::write(&event("system", "log-rotation", "", attributes))
        };
        let text = [&mark("begin")?[..], kept, &mark("end")?].concat();
        cove_sys::atomic::write(self.path(), &text, 0o600)
    }

    /// The events that match, up to now or (with `stream`) on and on.
    ///
    /// # Errors
    /// A filter is not known; the file cannot be read; nobody is to read them.
    pub(crate) fn read(&self, options: EventOptions) -> Result<ValueStream<Event>> {
        match &self.place.backend {
            Backend::File => self.follow(options),
            Backend::Journal(Journal { program: Ok(program), uid }) => {
                journal::stream(program, *uid, options)
            }
            Backend::Journal(Journal { program: Err(why), .. }) => {
                Err(Error::new(ErrorKind::Unavailable, why.clone()))
            }
            Backend::None => Err(Error::invalid("cannot read events with the \"none\" backend")),
        }
    }

    /// As [`EventLog::read`], for the engine itself.
    ///
    /// # Errors
    /// A filter is not known; the file cannot be read.
    pub(crate) fn follow(&self, options: EventOptions) -> Result<ValueStream<Event>> {
        filter::check(&options)?;
        read::stream(self, options)
    }
}

/// An event of this moment.
fn event(kind: &str, action: &str, id: &str, attributes: StringMap) -> Event {
    let now = Timestamp::now();
    Event {
        kind: kind.into(),
        action: action.into(),
        actor: EventActor { id: id.into(), attributes },
        scope: "local".into(),
        time: now.as_second(),
        time_nano: i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX),
    }
}
