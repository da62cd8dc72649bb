//! Connecting to containers and exec sessions.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cove_api::{
    AttachOptions, AttachStream, ContainerState, Error, LogOptions, OutputChunk, Result, TerminalSize,
};
use cove_runtime::{AttachReader, AttachStreams, AttachWriter, Attachment, Frame};
use futures_util::StreamExt as _;
use tokio::io::AsyncWrite;

use crate::container::lookup::Locked;
use crate::container::start;
use crate::container::state::improper;
use crate::engine::{Core, blocking};

/// Connects to a container; one that is not running is prepared, so that nothing of the following start is lost.
pub(super) async fn attach(core: &Arc<Core>, name: &str, options: &AttachOptions) -> Result<AttachStream> {
    let wanted = name.to_owned();
    let (id, was_running) = blocking(core, move |core| make_ready(core, &wanted)).await?;
    let streams = AttachStreams { stdin: options.stdin, stdout: options.stdout, stderr: options.stderr };
    let directory = core.runtime()?.container_dir(&id);
    let mut stream = connect(&directory, streams, options.detach_keys.as_deref()).await?;
    if options.logs && was_running {
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

fn make_ready(core: &Arc<Core>, name: &str) -> Result<(String, bool)> {
    let Locked { mut row, lock: _lock } = core.locked_container(name)?;
    match row.state {
        ContainerState::Running | ContainerState::Paused => {
            if row.config.log_driver == "passthrough" {
                return Err(Error::invalid(
                    "this container is using the 'passthrough' log driver, cannot attach",
                ));
            }
            core.tell("attach", &row);
            Ok((row.id, true))
        }
        ContainerState::Created
        | ContainerState::Initialized
        | ContainerState::Exited
        | ContainerState::Stopped => {
            let launched =
                core.prepared.lock().unwrap_or_else(std::sync::PoisonError::into_inner).contains_key(&row.id);
            if !(row.state == ContainerState::Initialized && launched) {
                let launch = start::prepare(core, &mut row)?;
                core.keep_prepared(&row.id, launch);
            }
            core.tell("attach", &row);
            Ok((row.id, false))
        }
        state => Err(improper(format!(
            "can only attach to created or running containers - currently in state {state}"
        ))),
    }
}

/// Connects to the monitor in `directory`.
pub(crate) async fn connect(
    directory: &Path,
    streams: AttachStreams,
    detach_keys: Option<&str>,
) -> Result<AttachStream> {
    let keys = detach_keys.map(cove_spec::terminal::detach_keys).transpose()?.unwrap_or_default();
    let (reader, writer) = Attachment::connect(directory, streams).await?.split();
    let (stop, stop_asked) = tokio::sync::oneshot::channel();
    let input = Input { writer: Some(writer), keys, matched: 0, stop: Some(stop) };
    let (input, kept): (Option<Pin<Box<dyn AsyncWrite + Send>>>, Option<Input>) =
        if streams.stdin { (Some(Box::pin(input)), None) } else { (None, Some(input)) };
    let output = Output { reader, stopped: Some(stop_asked), _kept: kept };
    let output = futures_util::stream::unfold(Some(output), |state| async move {
        let mut output = state?;
        let item = tokio::select! {
            frame = output.reader.next() => match frame {
                Ok(Some(Frame::Output(chunk))) => Ok(chunk),
                // The one that starts it gets the error of a failed start.
                Ok(Some(Frame::Exit(_) | Frame::Failed(_)) | None) => return None,
                Err(error) => Err(error.into()),
            },
            () = stopped(&mut output.stopped) => return None,
        };
        let next = item.is_ok().then_some(output);
        Some((item, next))
    });
    Ok(AttachStream { input, output: Box::pin(output) })
}

/// Done when the caller has typed the detach keys; never, when it has only stopped typing.
async fn stopped(receiver: &mut Option<tokio::sync::oneshot::Receiver<()>>) {
    if let Some(waiting) = receiver {
        if waiting.await.is_ok() {
            return;
        }
        *receiver = None;
    }
    std::future::pending().await
}

struct Output {
    reader: AttachReader,
    stopped: Option<tokio::sync::oneshot::Receiver<()>>,
    /// The sending half, where the caller does not send: its end would end the connection.
    _kept: Option<Input>,
}

/// The way to standard input. Shutting it down ends that input; dropping it only detaches.
struct Input {
    writer: Option<AttachWriter>,
    keys: Vec<u8>,
    matched: usize,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
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
        let Some(writer) = &mut self.writer else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let written = match Pin::new(writer).poll_write(context, data) {
            Poll::Ready(Ok(written)) => written,
            other => return other,
        };
        if self.detaches(&data[..written]) {
            if let Some(stop) = self.stop.take() {
                let _ = stop.send(());
            }
            self.writer = None;
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.writer {
            Some(writer) => Pin::new(writer).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.writer {
            Some(writer) => Pin::new(writer).poll_shutdown(context),
            None => Poll::Ready(Ok(())),
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
        let mut input = Input { writer: None, keys: vec![16, 17], matched: 0, stop: None };
        assert!(!input.detaches(b"x\x10"));
        assert!(!input.detaches(b"\x10"));
        assert!(input.detaches(b"\x11"));
    }
}
