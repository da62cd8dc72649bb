//! An attached process: its output to ours, our input to its, signals and sizes passed on.

use std::io::IsTerminal;
use std::pin::Pin;

use cove_api::{AttachStream, Engine, ErrorKind, OutputStream};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::detach::DetachKeys;
use super::raw::{self, RawMode};
use super::signals::{Arrived, LAST_WAIT, Signals};
use crate::command_error::CommandError;
use crate::printer::Printer;

/// What is attached.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    /// A container.
    Container(&'a str),
    /// An exec session.
    Exec(&'a str),
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The process's output is complete.
    Output,
    /// The user has detached.
    Detached,
    /// A signal that is not passed on arrived.
    Signal(i32),
}

/// A session in the making.
pub(crate) struct Session<'a> {
    /// Where output goes.
    pub(crate) printer: &'a Printer,
    /// The engine, for signals and sizes.
    pub(crate) engine: &'a dyn Engine,
    /// The process.
    pub(crate) target: Target<'a>,
    /// It has a terminal.
    pub(crate) tty: bool,
    /// Pass signals on.
    pub(crate) proxy: bool,
    /// The keys that leave it running.
    pub(crate) keys: DetachKeys,
    /// Standard output is wanted.
    pub(crate) stdout: bool,
    /// Standard error is wanted.
    pub(crate) stderr: bool,
}

impl Session<'_> {
    /// Puts the terminal into raw mode where the process has a terminal and so have we.
    ///
    /// # Errors
    /// The terminal refuses.
    pub(crate) fn raw_mode(&self, stdin: bool) -> Result<Option<RawMode>, CommandError> {
        if self.tty && stdin && std::io::stdin().is_terminal() {
            return Ok(Some(RawMode::enter()?));
        }
        Ok(None)
    }

    /// Tells the process's terminal the size of ours.
    pub(crate) async fn resize(&self) {
        let Some(size) = raw::size().filter(|_| self.tty) else { return };
        let result = match self.target {
            Target::Container(id) => self.engine.containers().resize(id, size).await,
            Target::Exec(id) => self.engine.execs().resize(id, size).await,
        };
        if let Err(error) = result {
            tracing::debug!("resize: {error}");
        }
    }

    /// Runs until the output ends or the user leaves.
    ///
    /// # Errors
    /// A stream breaks.
    pub(crate) async fn run(
        &mut self,
        stream: AttachStream,
        signals: &mut Signals,
    ) -> Result<Ended, CommandError> {
        let AttachStream { input, mut output } = stream;
        let (detached_sender, mut detached) = tokio::sync::oneshot::channel();
        // The input has a task of its own: a slow process must not hold up its output.
        let pump =
            input.map(|input| tokio::spawn(pump_input(input, self.keys.clone(), self.tty, detached_sender)));
        let mut leaving = pump.is_some();
        // The signal that ends the session, and when.
        let mut insisted: Option<(i32, tokio::time::Instant)> = None;
        let ended = loop {
            let last = insisted.map(|(_, when)| when);
            tokio::select! {
                () = sleep_until(last), if last.is_some() => {
                    break Ok(Ended::Signal(insisted.map_or(0, |(number, _)| number)));
                }
                chunk = output.next() => match chunk {
                    None => break Ok(Ended::Output),
                    Some(Err(error)) => break Err(error.into()),
                    Some(Ok(chunk)) => {
                        let written = match chunk.stream {
                            OutputStream::Stdout if self.stdout => self.printer.bytes(&chunk.data),
                            OutputStream::Stderr if self.stderr => {
                                self.printer.error_bytes(&chunk.data);
                                Ok(())
                            }
                            _ => Ok(()),
                        };
                        if let Err(error) = written {
                            break Err(error);
                        }
                    }
                },
                left = &mut detached, if leaving => {
                    leaving = false;
                    if left.is_ok() {
                        break Ok(Ended::Detached);
                    }
                }
                arrived = signals.next() => match arrived {
                    Arrived::Resized => self.resize().await,
                    Arrived::Signal(number) => {
                        if let Some(ended) = self.pass_on(number).await {
                            break Ok(ended);
                        }
                    }
                    Arrived::Insisted(number) => {
                        insisted.get_or_insert((number, tokio::time::Instant::now() + LAST_WAIT));
                        let passed = tokio::time::timeout(LAST_WAIT, self.pass_on(number)).await;
                        if let Ok(Some(ended)) = passed {
                            break Ok(ended);
                        }
                    }
                },
            }
        };
        if let Some(pump) = pump {
            pump.abort();
        }
        ended
    }

    /// Passes a signal on; the end of the session where that is not done or nobody is there to get it.
    async fn pass_on(&self, number: i32) -> Option<Ended> {
        let Target::Container(id) = self.target else { return Some(Ended::Signal(number)) };
        if !self.proxy {
            return Some(Ended::Signal(number));
        }
        match self.engine.containers().kill(id, number).await {
            Ok(()) => None,
            // It is ending by itself; its output will end too.
            Err(error) if matches!(error.kind, ErrorKind::WrongState | ErrorKind::NotFound) => None,
            Err(error) => {
                tracing::warn!("forwarding signal {number} to container {id}: {error}");
                None
            }
        }
    }
}

async fn sleep_until(when: Option<tokio::time::Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}

/// What a terminal sends for the end of the input.
const END_OF_TRANSMISSION: &[u8] = b"\x04";

/// Tells a terminal again and again that the input has ended: like a pipe at its end it is to say so at each read,
/// also to a program that was not reading yet, or had turned the terminal's own handling off.
async fn end_terminal(input: &mut (impl AsyncWrite + Unpin)) {
    let mut pause = std::time::Duration::from_millis(50);
    while input.write_all(END_OF_TRANSMISSION).await.is_ok() && input.flush().await.is_ok() {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(std::time::Duration::from_secs(5));
    }
}

/// Copies standard input until its end, then ends the process's.
async fn pump_input(
    mut input: Pin<Box<dyn AsyncWrite + Send>>,
    mut keys: DetachKeys,
    tty: bool,
    detached: tokio::sync::oneshot::Sender<()>,
) {
    let mut stdin = tokio::io::stdin();
    // A terminal of ours that has gone says nothing of the input's end.
    let piped = !std::io::stdin().is_terminal();
    let mut buffer = vec![0; 32 << 10];
    let left = loop {
        let typed = match stdin.read(&mut buffer).await {
            Ok(0) | Err(_) => break false,
            Ok(count) => &buffer[..count],
        };
        // Only what comes from a terminal can hold keys that a person pressed.
        let (data, leave) = if tty { keys.feed(typed) } else { (typed.to_vec(), false) };
        if !data.is_empty() && input.write_all(&data).await.is_err() {
            break false;
        }
        if input.flush().await.is_err() {
            break false;
        }
        if leave {
            break true;
        }
    };
    if left {
        let _ = detached.send(());
        // The process's input stays open for whoever attaches next; the session drops this task.
        std::future::pending::<()>().await;
    }
    if tty && piped {
        end_terminal(&mut input).await;
    }
    let _ = input.shutdown().await;
}
