//! Logs of containers.

use std::sync::Arc;

use cove_api::{Error, ErrorKind, LogLine, LogOptions, OutputStream, Result, Timestamp, ValueStream};
use cove_runtime::{LogReader, ProcessState};
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

type Opened = (String, Option<LogReader>, LogOptions);

fn open(core: &Core, name: &str, options: &LogOptions) -> Result<Opened> {
    let row = core.find_container(name)?;
    let driver = row.config.log.driver;
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
    let nanoseconds = |time: Timestamp| i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX);
    let wanted = cove_runtime::LogOptions {
        since: options.since.map(nanoseconds),
        until: options.until.map(nanoseconds),
        tail: options.tail,
    };
    let reader = LogReader::open(&path, wanted)?;
    Ok((row.id, Some(reader), options.clone()))
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
