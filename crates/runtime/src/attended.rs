//! Exec sessions whose starter stays until their end: it holds the pipes itself, so that there is no monitor to start.
//!
//! In the session's files the starter stands in the monitor's place, so that others find the process, signal it and
//! wait for it as for any; only attaching, which needs the monitor's socket, is not to be had. Where the starter goes
//! before the end, `cove-monitor drain` reads on, so that the process does not stop at a broken pipe; its exit code is
//! nobody's then.

use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use cove_api::{OutputChunk, OutputStream};
use cove_monitor::oci;
use cove_monitor::process::ProcessRef;
use cove_monitor::protocol::{ExitRecord, MONITOR_FILE, PROCESS_FILE};
use rustix::process::{WaitOptions, WaitStatus};
use tokio::io::{AsyncReadExt as _, AsyncWrite};
use tokio::net::unix::pipe;
use tokio::sync::oneshot;

use crate::error::{Error, Result};
use crate::launch::{ExecOptions, Runtime, check_id, make_private_dir, remove_dir};

/// Most that is read at once, in bytes: what a pipe holds.
const PIECE: usize = 64 << 10;

/// OCI runtimes of which it is known that they give the process a session of its own, away from this process's
/// terminal, and none of this process's descriptors.
const FIT: [&str; 2] = ["crun", "runc"];

impl ExecOptions {
    /// Whether it can run without a monitor: no terminal, no log, no descriptors to place.
    #[must_use]
    pub fn can_be_attended(&self) -> bool {
        let streams = &self.streams;
        FIT.contains(&self.oci_runtime.name.as_str())
            && !streams.terminal
            && streams.log == crate::LogConfig::None
            && streams.descriptors.is_empty()
            && streams.held.is_empty()
            && self.exit_command.is_empty()
    }
}

/// A process that runs, and the ends of its pipes.
#[derive(Debug)]
pub struct AttendedExec {
    /// The process, a child of this one.
    pub process: ProcessRef,
    /// Its input, where that was asked for.
    pub input: Option<PipedInput>,
    /// Its output; to be read where a runtime of tokio is at hand.
    pub output: PipedOutput,
    /// Its end.
    pub end: AttendedEnd,
}

/// What is to come of a process that runs.
#[derive(Debug)]
pub struct AttendedEnd {
    process: ProcessRef,
    run_dir: PathBuf,
    ended: oneshot::Sender<()>,
}

/// Standard input of a process; shutting it down ends it, and so does dropping it.
#[derive(Debug)]
pub struct PipedInput(Option<pipe::Sender>);

/// Standard output and standard error of a process.
#[derive(Debug)]
pub struct PipedOutput {
    stdout: Option<pipe::Receiver>,
    stderr: Option<pipe::Receiver>,
    /// Pending while the process runs.
    ended: Option<oneshot::Receiver<()>>,
    monitor: PathBuf,
}

impl Runtime {
    /// Runs a process in a running container as a child of this process, which must stay until it ends. Returns when
    /// it runs. Must be called where a runtime of tokio is at hand.
    ///
    /// # Errors
    /// [`Error::CommandNotFound`], [`Error::CommandNotExecutable`] or [`Error::Runtime`] with the runtime's message;
    /// nothing is left then.
    pub fn exec_attended(&self, options: ExecOptions) -> Result<AttendedExec> {
        check_id(&options.container)?;
        check_id(&options.session)?;
        let run_dir = self.exec_dir(&options.container, &options.session);
        remove_dir(&run_dir)?;
        make_private_dir(&run_dir)?;
        let started = self.start_attended(&options, &run_dir);
        if started.is_err() {
            let _ = remove_dir(&run_dir);
        }
        started
    }

    fn start_attended(&self, options: &ExecOptions, run_dir: &Path) -> Result<AttendedExec> {
        let spec = run_dir.join("process-spec.json");
        crate::health::write_process(&options.process, &spec)?;
        let me = ProcessRef::of(rustix::process::getpid().as_raw_nonzero().get())
            .map_err(Error::io("this process"))?;
        write(run_dir, MONITOR_FILE, &me)?;
        let (log, pid_file) = (run_dir.join("oci-log"), run_dir.join("pid"));
        let mut command = oci::command(&self.runtime_command(&options.oci_runtime), &log);
        oci::exec(&mut command, &spec, &pid_file);
        command.arg(&options.container);
        // What a person types is for this process to understand.
        command.process_group(0);
        let (input, stdin) = match options.streams.stdin {
            true => {
                let (reader, writer) = pipe_of_two()?;
                (Some(PipedInput::new(writer)?), Stdio::from(reader))
            }
            false => (None, Stdio::null()),
        };
        let (out, stdout) = pipe_of_two()?;
        let (err, stderr) = pipe_of_two()?;
        command.stdin(stdin).stdout(stdout).stderr(stderr);
        let status = adopting(|| {
            let child = command.spawn();
            // This process's copies of the other ends.
            drop(command);
            child?.wait()
        });
        let path = &options.oci_runtime.path;
        let status = status.map_err(Error::io(format!("start the OCI runtime {}", path.display())))?;
        if !status.success() {
            let message = match oci::error_text(&log, &rest(err)) {
                text if text.is_empty() => format!("the OCI runtime ended with {status}"),
                text => text,
            };
            return Err(Error::from_runtime(&options.oci_runtime.name, &message).explained_by(path));
        }
        let pid = oci::read_pid(&pid_file).map_err(Error::io("pid of the process"))?;
        // A process that has ended at once stays a zombie until it is waited for.
        let process = ProcessRef::of(pid).unwrap_or(ProcessRef { pid, start_time: 0 });
        write(run_dir, PROCESS_FILE, &process)?;
        let (ended, end_comes) = oneshot::channel();
        Ok(AttendedExec {
            process,
            input,
            output: PipedOutput {
                stdout: Some(receiver(out)?),
                stderr: Some(receiver(err)?),
                ended: Some(end_comes),
                monitor: self.options.monitor.clone(),
            },
            end: AttendedEnd { process, run_dir: run_dir.to_owned(), ended },
        })
    }
}

impl AttendedEnd {
    /// Blocks until the process has ended, and answers its exit code (128 and the number of a signal that ended it).
    /// The output ends then, with what is still in the pipes.
    ///
    /// # Errors
    /// Somebody else has waited for the process.
    pub fn wait(self) -> Result<i32> {
        let pid = rustix::process::Pid::from_raw(self.process.pid);
        let status = rustix::io::retry_on_intr(|| rustix::process::waitpid(pid, WaitOptions::empty()))
            .map_err(|e| Error::io("wait for the process")(e.into()))?;
        let exit_code = status.map_or(-1, |(_, status)| exit_code(status));
        let record = ExitRecord {
            exit_code,
            finished_at_ns: i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX),
            oom_killed: false,
            start_error: None,
        };
        // For others who wait; the session may be forgotten already.
        let _ = write(&self.run_dir, "exit", &record);
        let _ = self.ended.send(());
        Ok(exit_code)
    }
}

fn exit_code(status: WaitStatus) -> i32 {
    status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

impl PipedInput {
    fn new(writer: OwnedFd) -> Result<Self> {
        Ok(Self(Some(pipe::Sender::from_owned_fd(writer).map_err(Error::io("pipe"))?)))
    }
}

impl AsyncWrite for PipedInput {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut().0.as_mut() {
            Some(pipe) => Pin::new(pipe).poll_write(cx, data),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().0 = None;
        Poll::Ready(Ok(()))
    }
}

impl PipedOutput {
    /// The next piece; [`None`] when the process has closed both, or has ended and everything is read. What it left
    /// running in the background is not waited for.
    ///
    /// # Errors
    /// A pipe cannot be read.
    pub async fn next(&mut self) -> Result<Option<OutputChunk>> {
        while let Some(ended) = &mut self.ended {
            let (stream, data) = tokio::select! {
                data = piece(&mut self.stdout) => (OutputStream::Stdout, data),
                data = piece(&mut self.stderr) => (OutputStream::Stderr, data),
                _ = ended => {
                    self.ended = None;
                    break;
                }
            };
            let data = data.map_err(Error::io("output of the process"))?;
            if !data.is_empty() {
                return Ok(Some(OutputChunk { stream, data }));
            }
            self.close(stream);
            if self.stdout.is_none() && self.stderr.is_none() {
                return Ok(None);
            }
        }
        for stream in [OutputStream::Stdout, OutputStream::Stderr] {
            if let Some(data) = self.what_is_left(stream)? {
                return Ok(Some(OutputChunk { stream, data }));
            }
        }
        Ok(None)
    }

    fn close(&mut self, stream: OutputStream) {
        match stream {
            OutputStream::Stdout => self.stdout = None,
            OutputStream::Stderr => self.stderr = None,
        }
    }

    /// What is in a pipe after the process's end. The descriptor itself is asked: tokio may not have heard of it yet.
    fn what_is_left(&mut self, stream: OutputStream) -> Result<Option<Bytes>> {
        let pipe = match stream {
            OutputStream::Stdout => &self.stdout,
            OutputStream::Stderr => &self.stderr,
        };
        let Some(pipe) = pipe else { return Ok(None) };
        let mut buffer = vec![0; PIECE];
        match rustix::io::retry_on_intr(|| rustix::io::read(pipe, &mut buffer[..])) {
            Ok(0) | Err(rustix::io::Errno::AGAIN) => {
                self.close(stream);
                Ok(None)
            }
            Ok(length) => {
                buffer.truncate(length);
                Ok(Some(buffer.into()))
            }
            Err(error) => Err(Error::io("output of the process")(error.into())),
        }
    }
}

/// The next bytes of a pipe, none at its end; never, where there is no pipe.
async fn piece(pipe: &mut Option<pipe::Receiver>) -> io::Result<Bytes> {
    let Some(pipe) = pipe else { return std::future::pending().await };
    let mut buffer = BytesMut::with_capacity(PIECE);
    pipe.read_buf(&mut buffer).await?;
    Ok(buffer.freeze())
}

impl Drop for PipedOutput {
    fn drop(&mut self) {
        if self.ended.is_none() || self.stdout.is_none() && self.stderr.is_none() {
            return;
        }
        let rest = [self.stdout.take(), self.stderr.take()].map(|pipe| {
            pipe.and_then(|pipe| pipe.into_nonblocking_fd().ok()).map_or_else(Stdio::null, Stdio::from)
        });
        let [stdout, stderr] = rest;
        let mut command = Command::new(&self.monitor);
        command.arg("drain").current_dir("/").stdin(stdout).stdout(stderr).stderr(Stdio::null());
        // Without it the process is on its own at its next write, as after a kill of this process.
        let _ = command.spawn();
    }
}

/// Runs a program whose orphans become this process's children.
fn adopting<T>(run: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let result = run();
    rustix::process::set_child_subreaper(None)?;
    result
}

fn receiver(fd: OwnedFd) -> Result<pipe::Receiver> {
    pipe::Receiver::from_owned_fd(fd).map_err(Error::io("pipe"))
}

fn pipe_of_two() -> Result<(OwnedFd, OwnedFd)> {
    rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| Error::io("pipe")(e.into()))
}

/// What a program that has ended left in a pipe, up to a limit.
fn rest(pipe: OwnedFd) -> Vec<u8> {
    let mut text = Vec::new();
    let _ = std::fs::File::from(pipe).take(PIECE as u64).read_to_end(&mut text);
    text
}

fn write(run_dir: &Path, name: &str, value: &impl serde::Serialize) -> Result<()> {
    let path = run_dir.join(name);
    let text = serde_json::to_vec(value).map_err(|source| Error::Json { path: path.clone(), source })?;
    crate::health::replace(&path, &text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Output whose drain is a program that leaves a mark; and the other ends of its pipes.
    fn output(folder: &Path) -> (PipedOutput, OwnedFd, OwnedFd, oneshot::Sender<()>) {
        let monitor = folder.join("monitor");
        let script = format!("#!/bin/sh\necho \"$1\" > {}\n", folder.join("mark").display());
        cove_sys::fs::write(&monitor, script).unwrap();
        std::fs::set_permissions(&monitor, std::fs::Permissions::from_mode(0o755)).unwrap();
        let ((out, stdout), (err, stderr)) = (pipe_of_two().unwrap(), pipe_of_two().unwrap());
        let (ended, end_comes) = oneshot::channel();
        let output = PipedOutput {
            stdout: Some(receiver(out).unwrap()),
            stderr: Some(receiver(err).unwrap()),
            ended: Some(end_comes),
            monitor,
        };
        (output, stdout, stderr, ended)
    }

    #[tokio::test]
    async fn what_was_written_before_the_end_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let (mut output, stdout, stderr, ended) = output(folder.path());
        rustix::io::write(&stdout, b"out").unwrap();
        rustix::io::write(&stderr, b"err").unwrap();
        ended.send(()).unwrap();
        let mut seen = Vec::new();
        while let Some(chunk) = output.next().await.unwrap() {
            seen.push(chunk.data);
        }
        seen.sort();
        assert_eq!(seen, [&b"err"[..], b"out"]);
        drop(output);
        assert!(!folder.path().join("mark").exists(), "nothing was left to be read");
    }

    #[tokio::test]
    async fn closed_pipes_need_no_reader() {
        let folder = tempfile::tempdir().unwrap();
        let (mut output, stdout, stderr, _ended) = output(folder.path());
        drop((stdout, stderr));
        assert!(output.next().await.unwrap().is_none());
        drop(output);
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(!folder.path().join("mark").exists());
    }

    #[tokio::test]
    async fn a_process_that_is_left_gets_a_reader() {
        let folder = tempfile::tempdir().unwrap();
        let (output, _stdout, _stderr, _ended) = output(folder.path());
        drop(output);
        let mark = folder.path().join("mark");
        for _ in 0..3000 {
            if cove_sys::fs::read_to_string(&mark).is_ok_and(|text| text == "drain\n") {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("no reader was started");
    }
}
