//! Connecting to containers and exec sessions.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cove_api::{
    AttachOptions, AttachStream, ContainerState, Error, LogOptions, OutputChunk, Result, TerminalSize,
};
use cove_runtime::{AttachReader, AttachStreams, AttachWriter, Attachment, Frame, PipedInput, PipedOutput};
use futures_util::StreamExt as _;
use tokio::io::AsyncWrite;
use tokio::sync::oneshot;

use crate::container::lookup::Locked;
use crate::container::state::improper;
use crate::container::{prepare, start};
use crate::engine::{Core, blocking};
use crate::state::{ContainerRow, LogDriver};

/// Connects to a container. One that has never run is prepared, so that nothing of the following start is lost. One
/// that has ended is left as it is, and the connection is made by the next start in this process ([`join_waiting`]); so it
/// is where preparing fails, since the start is what tells why, and clients look there for it.
pub(super) async fn attach(core: &Arc<Core>, name: &str, options: &AttachOptions) -> Result<AttachStream> {
    let (wanted, running) = (name.to_owned(), options.running);
    let (id, found) = blocking(core, move |core| make_ready(core, &wanted, running)).await?;
    let streams = AttachStreams { stdin: options.stdin, stdout: options.stdout, stderr: options.stderr };
    let keys = detach_keys(options.detach_keys.as_deref())?;
    let mut stream = if found == Found::Waiting {
        wait_for_start(core, &id, streams, keys)
    } else {
        connect(&core.runtime()?.container_dir(&id), streams, keys).await?
    };
    if options.logs && found != Found::New {
        let replay = super::logs::logs(
            core,
            &id,
            LogOptions { stdout: options.stdout, stderr: options.stderr, ..LogOptions::default() },
        )
        .await?;
        let replay = replay.map(|line| {
            line.map(|line| {
                let mut data = line.data.to_vec();
                if !line.partial {
                    data.push(b'\n');
                }
                OutputChunk { stream: line.stream, data: data.into() }
            })
        });
        stream.output = Box::pin(replay.chain(stream.output));
    }
    Ok(stream)
}

/// What there is to connect to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// A process.
    Running,
    /// A monitor that waits for the order to start.
    New,
    /// Nothing before the next start.
    Waiting,
}

fn make_ready(core: &Arc<Core>, name: &str, running: bool) -> Result<(String, Found)> {
    let Locked { mut row, lock: _lock } = core.locked_container(name)?;
    if running && !matches!(row.state, ContainerState::Running | ContainerState::Paused) {
        return Err(improper("you can only attach to running containers".to_owned()));
    }
    let found = match row.state {
        ContainerState::Running | ContainerState::Paused => {
            if row.config.log.driver == LogDriver::Passthrough {
                return Err(Error::invalid(
                    "this container is using the 'passthrough' log driver, cannot attach",
                ));
            }
            Found::Running
        }
        ContainerState::Created | ContainerState::Initialized => match make_prepared(core, &mut row) {
            Ok(()) => Found::New,
            Err(error) => {
                tracing::debug!("preparing container {} for who attaches: {error}", row.id);
                Found::Waiting
            }
        },
        ContainerState::Exited | ContainerState::Stopped => Found::Waiting,
        state => {
            return Err(improper(format!(
                "can only attach to created or running containers - currently in state {state}"
            )));
        }
    };
    core.tell("attach", &row);
    Ok((row.id, found))
}

/// A monitor of this process that waits for the order to start.
fn make_prepared(core: &Arc<Core>, row: &mut ContainerRow) -> Result<()> {
    if row.state != ContainerState::Initialized || !core.has_prepared(&row.id) {
        start::start_dependencies(core, row)?;
        let launch = prepare::prepare(core, row)?;
        core.keep_prepared(&row.id, launch);
    }
    Ok(())
}

/// Somebody who has attached to a container that had ended, and waits for its next start.
#[derive(Debug)]
pub(crate) struct Waiting {
    streams: AttachStreams,
    reader: oneshot::Sender<AttachReader>,
    writer: oneshot::Sender<AttachWriter>,
}

impl Waiting {
    /// Whether the other side has hung up.
    pub(crate) fn has_gone(&self) -> bool {
        self.reader.is_closed()
    }
}

fn wait_for_start(core: &Core, id: &str, streams: AttachStreams, keys: Vec<u8>) -> AttachStream {
    let (reader, later_reader) = oneshot::channel();
    let (writer, later_writer) = oneshot::channel();
    core.add_waiting(id, Waiting { streams, reader, writer });
    stream(Reading::Waiting(later_reader), Writing::Waiting(later_writer), streams.stdin, keys)
}

/// Connects those who wait for the next start of a container, which is about to come: it is prepared for them.
pub(super) async fn join_waiting(core: &Arc<Core>, name: &str) -> Result<()> {
    if core.nobody_waits() {
        return Ok(());
    }
    let wanted = name.to_owned();
    let (id, waiting) = blocking(core, move |core| {
        let Locked { mut row, lock: _lock } = core.locked_container(&wanted)?;
        let mut waiting = core.take_waiting(&row.id);
        // Who has gone does not wait any more.
        waiting.retain(|one| !one.has_gone());
        if !waiting.is_empty() && row.state.can_start() {
            make_prepared(core, &mut row)?;
        }
        Ok((row.id, waiting))
    })
    .await?;
    let directory = core.runtime()?.container_dir(&id);
    for one in waiting {
        let (reader, writer) = Attachment::connect(&directory, one.streams).await?.split();
        let _ = (one.reader.send(reader), one.writer.send(writer));
    }
    Ok(())
}

/// The keys that detach, as bytes.
pub(crate) fn detach_keys(keys: Option<&str>) -> Result<Vec<u8>> {
    Ok(keys.map(cove_spec::terminal::detach_keys).transpose()?.unwrap_or_default())
}

/// Connects to the monitor in `directory`.
pub(crate) async fn connect(directory: &Path, streams: AttachStreams, keys: Vec<u8>) -> Result<AttachStream> {
    let (reader, writer) = Attachment::connect(directory, streams).await?.split();
    Ok(stream(Reading::Connected(reader), Writing::Connected(writer), streams.stdin, keys))
}

/// The connection with a process of which this process holds the pipes.
pub(crate) fn piped(input: Option<PipedInput>, output: PipedOutput) -> AttachStream {
    let output = futures_util::stream::unfold(Some(output), |state| async move {
        let mut output = state?;
        match output.next().await {
            Ok(Some(chunk)) => Some((Ok(chunk), Some(output))),
            Ok(None) => None,
            Err(error) => Some((Err(error.into()), None)),
        }
    });
    let input = input.map(|input| Box::pin(input) as Pin<Box<dyn AsyncWrite + Send>>);
    AttachStream { input, output: Box::pin(output) }
}

fn stream(reader: Reading, writer: Writing, stdin: bool, keys: Vec<u8>) -> AttachStream {
    let (stop, stop_asked) = oneshot::channel();
    let input = Input { writer, keys, matched: 0, stop: Some(stop) };
    let (input, kept): (Option<Pin<Box<dyn AsyncWrite + Send>>>, Option<Input>) =
        if stdin { (Some(Box::pin(input)), None) } else { (None, Some(input)) };
    let output = Output { reader, stopped: Some(stop_asked), _kept: kept };
    let output = futures_util::stream::unfold(Some(output), |state| async move {
        let mut output = state?;
        let item = tokio::select! {
            frame = output.reader.next() => match frame {
                Ok(Some(Frame::Output(chunk))) => Ok(chunk),
                // The one that starts it gets the error of a failed start.
                Ok(Some(Frame::Exit(_) | Frame::Failed(_)) | None) => return None,
                Err(error) => Err(error),
            },
            () = stopped(&mut output.stopped) => return None,
        };
        let next = item.is_ok().then_some(output);
        Some((item, next))
    });
    AttachStream { input, output: Box::pin(output) }
}

/// The receiving half, perhaps of a connection that is still to come.
enum Reading {
    Waiting(oneshot::Receiver<AttachReader>),
    Connected(AttachReader),
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Frame>> {
        loop {
            match self {
                Self::Connected(reader) => return Ok(reader.next().await?),
                Self::Waiting(later) => match later.await {
                    Ok(reader) => *self = Self::Connected(reader),
                    // The engine has gone: no start will come.
                    Err(_) => return Ok(None),
                },
            }
        }
    }
}

/// The sending half, perhaps of a connection that is still to come.
enum Writing {
    Waiting(oneshot::Receiver<AttachWriter>),
    Connected(AttachWriter),
    Closed,
}

impl Writing {
    /// The writer, once there is one; an error where there will be none any more.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<&mut AttachWriter>> {
        if let Self::Waiting(later) = self {
            match Pin::new(later).poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(writer)) => *self = Self::Connected(writer),
                Poll::Ready(Err(_)) => *self = Self::Closed,
            }
        }
        match self {
            Self::Connected(writer) => Poll::Ready(Ok(writer)),
            _ => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }
}

/// Done when the caller has typed the detach keys; never, when it has only stopped typing.
async fn stopped(receiver: &mut Option<oneshot::Receiver<()>>) {
    if let Some(waiting) = receiver {
        if waiting.await.is_ok() {
            return;
        }
        *receiver = None;
    }
    std::future::pending().await
}

struct Output {
    reader: Reading,
    stopped: Option<oneshot::Receiver<()>>,
    /// The sending half, where the caller does not send: its end would end the connection.
    _kept: Option<Input>,
}

/// The way to standard input. Shutting it down ends that input; dropping it only detaches.
struct Input {
    writer: Writing,
    keys: Vec<u8>,
    matched: usize,
    stop: Option<oneshot::Sender<()>>,
}

impl Input {
    /// Looks for the detach keys; true when they are complete.
    fn detaches(&mut self, data: &[u8]) -> bool {
        if self.keys.is_empty() {
            return false;
        }
        for byte in data {
            if self.keys.get(self.matched) == Some(byte) {
                self.matched += 1;
                if self.matched == self.keys.len() {
                    return true;
                }
            } else {
                self.matched = usize::from(self.keys.first() == Some(byte));
            }
        }
        false
    }
}

impl AsyncWrite for Input {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let writer = match self.writer.poll(context) {
            Poll::Ready(Ok(writer)) => writer,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        };
        let written = match Pin::new(writer).poll_write(context, data) {
            Poll::Ready(Ok(written)) => written,
            other => return other,
        };
        if self.detaches(&data[..written]) {
            if let Some(stop) = self.stop.take() {
                let _ = stop.send(());
            }
            self.writer = Writing::Closed;
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.writer {
            Writing::Connected(writer) => Pin::new(writer).poll_flush(context),
            // Nothing was written yet, or nothing more will be.
            Writing::Waiting(_) | Writing::Closed => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.writer.poll(context) {
            Poll::Ready(Ok(writer)) => Pin::new(writer).poll_shutdown(context),
            Poll::Ready(Err(_)) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Tells a container's terminal its size.
pub(super) async fn resize(core: &Arc<Core>, name: &str, size: TerminalSize) -> Result<()> {
    let wanted = name.to_owned();
    let (id, state) = blocking(core, move |core| {
        let mut row = core.find_container(&wanted)?;
        core.refresh(&mut row)?;
        Ok((row.id, row.state))
    })
    .await?;
    if !matches!(state, ContainerState::Running | ContainerState::Paused | ContainerState::Initialized) {
        return Err(improper("can only resize created or running containers".into()));
    }
    let directory = core.runtime()?.container_dir(&id);
    Ok(cove_runtime::resize(&directory, size.width, size.height).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detach_keys_are_found() {
        let mut input = Input { writer: Writing::Closed, keys: vec![16, 17], matched: 0, stop: None };
        assert!(!input.detaches(b"x\x10"));
        assert!(!input.detaches(b"\x10"));
        assert!(input.detaches(b"\x11"));
    }
}
