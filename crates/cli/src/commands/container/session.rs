//! What the commands that connect to a container share.

use cove_api::{Engine, ErrorKind, WaitOptions};

use crate::command_error::{CommandError, CommandResult};
use crate::context::Context;
use crate::terminal::{Arrived, DetachKeys, Signals, ended_by};

/// The streams of `--attach`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Streams {
    /// Standard input was named.
    pub(crate) stdin: bool,
    /// Standard output is wanted.
    pub(crate) stdout: bool,
    /// Standard error is wanted.
    pub(crate) stderr: bool,
}

/// Reads `--attach`; without it both outputs are wanted.
pub(crate) fn check_streams(names: &[String]) -> Result<Streams, CommandError> {
    if names.is_empty() {
        return Ok(Streams { stdin: false, stdout: true, stderr: true });
    }
    let mut streams = Streams { stdin: false, stdout: false, stderr: false };
    for name in names {
        match name.to_lowercase().as_str() {
            "stdin" => streams.stdin = true,
            "stdout" => streams.stdout = true,
            "stderr" => streams.stderr = true,
            _ => {
                return Err(CommandError::other(format!(
                    "invalid stream {name:?} for --attach - must be one of stdin, stdout, or stderr: invalid argument"
                )));
            }
        }
    }
    Ok(streams)
}

/// The detach keys: those given, those of containers.conf, or the usual ones.
pub(crate) fn detach_keys(context: &Context, given: Option<&str>) -> Result<DetachKeys, CommandError> {
    let text = given.or(context.conf.engine.detach_keys.as_deref()).unwrap_or("ctrl-p,ctrl-q");
    DetachKeys::parse(text)
}

/// Waits for the end of a container whose output has ended, still passing signals on.
pub(crate) async fn exit_code(
    engine: &dyn Engine,
    id: &str,
    signals: &mut Signals,
    proxy: bool,
) -> CommandResult {
    let mut waiting = engine.containers().wait(id, WaitOptions::default());
    loop {
        tokio::select! {
            code = &mut waiting => return Ok(narrow(code?)),
            arrived = signals.next() => {
                let number = match arrived {
                    Arrived::Resized => continue,
                    Arrived::Signal(number) if proxy => number,
                    Arrived::Signal(number) | Arrived::Insisted(number) => return Ok(ended_by(number)),
                };
                match engine.containers().kill(id, number).await {
                    Err(error) if !matches!(error.kind, ErrorKind::WrongState | ErrorKind::NotFound) => {
                        tracing::warn!("forwarding signal {number} to container {id}: {error}");
                    }
                    _ => {}
                }
            },
        }
    }
}

/// An exit code as a process can end with it.
pub(crate) fn narrow(code: i32) -> u8 {
    code.to_le_bytes()[0]
}
