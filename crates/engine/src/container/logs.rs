//! Logs of containers.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use cove_api::{Error, ErrorKind, LogLine, LogOptions, OutputStream, Result, Timestamp, ValueStream};
use cove_runtime::{JournalReader, LogReader, ProcessState};
use tokio::sync::mpsc;

use crate::container::prepare;
use crate::engine::{Core, blocking};
use crate::state::LogDriver;

/// The lines that are wanted; with `follow` until the container has ended. A thread reads, as the files block.
pub(super) async fn logs(core: &Arc<Core>, name: &str, options: LogOptions) -> Result<ValueStream<LogLine>> {
    let name = name.to_owned();
    let opened = blocking(core, move |core| open(core, &name, &options)).await?;
    let (id, mut reader, options) = opened;
    let (sender, receiver) = mpsc::channel::<Result<LogLine>>(256);
    let core = Arc::clone(core);
    let Some(mut reader) = reader.take() else {
        return Ok(Box::pin(Lines { receiver }));
    };
    let work = move || {
        loop {
            let next = if options.follow {
                let mut more = || !sender.is_closed() && may_write(&core, &id);
                reader.follow(&mut more)
            } else {
                reader.next_line()
            };
            let line = match next {
                Ok(Some(line)) => line,
                Ok(None) => return,
                Err(error) => {
                    let _ = sender.blocking_send(Err(error.into()));
                    return;
                }
            };
            let wanted = match line.stream {
                OutputStream::Stdout => options.stdout,
                OutputStream::Stderr => options.stderr,
            };
            if !wanted {
                continue;
            }
            let line = LogLine {
                time: Timestamp::from_nanosecond(i128::from(line.time_ns))
                    .unwrap_or_else(|_| cove_api::zero_time()),
                stream: line.stream,
                data: line.data,
                partial: line.partial,
            };
            if sender.blocking_send(Ok(line)).is_err() {
                return;
            }
        }
    };
    // Not a pool thread: following may last as long as the container.
    std::thread::Builder::new().name("logs".into()).stack_size(256 << 10).spawn(work)?;
    Ok(Box::pin(Lines { receiver }))
}

type Opened = (String, Option<Reader>, LogOptions);

/// Where the lines are.
enum Reader {
    /// In files: those that were full, oldest first, before the one that is written.
    Files { full: VecDeque<LogReader>, current: LogReader },
    /// In the journal.
    Journal(JournalReader),
}

impl Reader {
    fn next_line(&mut self) -> cove_runtime::Result<Option<cove_runtime::LogLine>> {
        match self {
            Self::Files { full, current } => {
                while let Some(reader) = full.front_mut() {
                    match reader.next_line()? {
                        None => drop(full.pop_front()),
                        line => return Ok(line),
                    }
                }
                current.next_line()
            }
            Self::Journal(reader) => reader.next_line(),
        }
    }

    fn follow(
        &mut self,
        more: &mut dyn FnMut() -> bool,
    ) -> cove_runtime::Result<Option<cove_runtime::LogLine>> {
        match self {
            Self::Files { full, current } if full.is_empty() => current.follow(more),
            Self::Files { .. } => match self.next_line()? {
                Some(line) => Ok(Some(line)),
                None => self.follow(more),
            },
            Self::Journal(reader) => reader.follow(more),
        }
    }
}

/// The files that were full, each at the first line that is wanted.
fn full_files(
    path: &Path,
    files: u32,
    wanted: cove_runtime::LogOptions,
) -> cove_runtime::Result<VecDeque<LogReader>> {
    let mut full = VecDeque::new();
    let mut left = wanted.tail;
    let mut later = path.to_owned();
    for number in 1..files {
        if let Some(left) = &mut left {
            *left = left.saturating_sub(count(&later, *left)?);
            if *left == 0 {
                break;
            }
        }
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        later = name.into();
        if !later.exists() {
            break;
        }
        full.push_front(LogReader::open(&later, cove_runtime::LogOptions { tail: left, ..wanted })?);
    }
    Ok(full)
}

/// The lines of a file, as far as they are of interest.
fn count(path: &Path, most: u64) -> cove_runtime::Result<u64> {
    let mut reader =
        LogReader::open(path, cove_runtime::LogOptions { tail: Some(most), ..Default::default() })?;
    let mut lines = 0;
    while let Some(line) = reader.next_line()? {
        lines += u64::from(!line.partial);
    }
    Ok(lines)
}

fn open(core: &Core, name: &str, options: &LogOptions) -> Result<Opened> {
    let row = core.find_container(name)?;
    let driver = row.config.log.driver;
    let nanoseconds = |time: Timestamp| i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX);
    let wanted = cove_runtime::LogOptions {
        since: options.since.map(nanoseconds),
        until: options.until.map(nanoseconds),
        tail: options.tail,
    };
    if driver == LogDriver::Journald {
        let program = core.helper("journalctl")?;
        let reader = JournalReader::new(program, &row.id, wanted);
        return Ok((row.id, Some(Reader::Journal(reader)), options.clone()));
    }
    if driver != LogDriver::K8sFile {
        return Err(Error::new(
            ErrorKind::WrongState,
            format!(
                "this container is using the '{}' log driver, cannot read logs: this container is not logging output",
                driver.as_str()
            ),
        ));
    }
    let path = prepare::log_path(core, &row);
    if !path.exists() {
        if !options.follow {
            // It never ran.
            return Ok((row.id, None, options.clone()));
        }
        if let Some(parent) = path.parent() {
            crate::state::make_private(parent)?;
        }
        // Followers watch the file, so it must be there; the monitor goes on with it.
        let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CREATE | rustix::fs::OFlags::CLOEXEC;
        rustix::fs::open(&path, flags, rustix::fs::Mode::from(0o600)).map_err(std::io::Error::from)?;
    }
    // Those before first: what moves on meanwhile is then read twice rather than not at all.
    let full = full_files(&path, row.config.log.files, wanted)?;
    let current = LogReader::open(&path, wanted)?;
    Ok((row.id, Some(Reader::Files { full, current }), options.clone()))
}

/// Whether the container may still write: it runs, is about to, or waits to be started for the first time.
fn may_write(core: &Core, id: &str) -> bool {
    match core.runtime().map(|runtime| runtime.state(id)) {
        Ok(Ok(
            ProcessState::Running { .. }
            | ProcessState::Starting { .. }
            | ProcessState::Ending { .. }
            | ProcessState::Orphaned { .. },
        )) => true,
        Ok(Ok(ProcessState::Exited(_) | ProcessState::Lost | ProcessState::Absent)) => {
            let row = core.database().ok().and_then(|database| database.container(id).ok().flatten());
            row.is_some_and(|row| {
                row.state == cove_api::ContainerState::Created
                    || (row.state.is_alive() && row.status.boot_id == core.boot_id() && row.status.pid == 0)
            })
        }
        _ => false,
    }
}

struct Lines {
    receiver: mpsc::Receiver<Result<LogLine>>,
}

impl futures_util::Stream for Lines {
    type Item = Result<LogLine>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.receiver.poll_recv(context)
    }
}
