//! The engine's side of the attach socket: output frames, raw input, terminal size.

use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use cove_api::{OutputChunk, OutputStream};
use cove_monitor::protocol::{
    ATTACH_SOCKET, FRAME_EXIT, FRAME_FAILED, FRAME_HEADER, FRAME_READY, FRAME_STDERR, FRAME_STDOUT,
    HealthReport, MAX_FRAME, Reply, Request, hello,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::error::{Error, Result};

/// Which streams to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttachStreams {
    /// Send standard input.
    pub stdin: bool,
    /// Receive standard output, or a terminal's output.
    pub stdout: bool,
    /// Receive standard error.
    pub stderr: bool,
}

impl AttachStreams {
    /// All three.
    pub const ALL: Self = Self { stdin: true, stdout: true, stderr: true };
    /// Only the exit code.
    pub const NONE: Self = Self { stdin: false, stdout: false, stderr: false };

    pub(crate) fn hello(self) -> u8 {
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        bit(self.stdin, hello::STDIN) | bit(self.stdout, hello::STDOUT) | bit(self.stderr, hello::STDERR)
    }
}

/// What comes from the monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Output.
    Output(OutputChunk),
    /// The process has ended with this exit code; nothing follows.
    Exit(i32),
    /// The process was not started; nothing follows.
    Failed(String),
}

/// A connection to a container or exec session.
#[derive(Debug)]
pub struct Attachment {
    reader: AttachReader,
    writer: AttachWriter,
}

/// Output of an attached process.
#[derive(Debug)]
pub struct AttachReader {
    socket: OwnedReadHalf,
    buffer: BytesMut,
}

/// Input of an attached process: raw bytes. Shutting it down ends standard input; dropping it does not, and together
/// with the reader it detaches.
#[derive(Debug)]
pub struct AttachWriter {
    /// `None` only while it is dropped.
    socket: Option<OwnedWriteHalf>,
}

impl AttachWriter {
    fn with<T>(
        self: Pin<&mut Self>,
        action: impl FnOnce(Pin<&mut OwnedWriteHalf>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match self.get_mut().socket.as_mut() {
            Some(socket) => action(Pin::new(socket)),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }
}

impl AsyncWrite for AttachWriter {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|socket| socket.poll_write(cx, data))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|socket| socket.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|socket| socket.poll_shutdown(cx))
    }
}

impl Drop for AttachWriter {
    fn drop(&mut self) {
        // Tokio's half would end standard input.
        if let Some(socket) = self.socket.take() {
            socket.forget();
        }
    }
}

impl Attachment {
    /// Connects to the monitor in `run_dir` ([`crate::Launch::run_dir`], [`crate::Runtime::container_dir`] or
    /// [`crate::Runtime::exec_dir`]). When it returns no later output is missed.
    ///
    /// # Errors
    /// [`Error::NotRunning`] when there is no monitor.
    pub async fn connect(run_dir: &Path, streams: AttachStreams) -> Result<Self> {
        let socket = dial(run_dir).await?;
        let (read, write) = socket.into_split();
        let mut write = AttachWriter { socket: Some(write) };
        let mut reader = AttachReader { socket: read, buffer: BytesMut::new() };
        write.write_all(&[streams.hello()]).await.map_err(Error::io("attach"))?;
        match reader.frame().await? {
            Some((FRAME_READY, _)) => Ok(Self { reader, writer: write }),
            _ => Err(not_running(run_dir)),
        }
    }

    /// The two directions.
    #[must_use]
    pub fn split(self) -> (AttachReader, AttachWriter) {
        (self.reader, self.writer)
    }
}

impl AttachReader {
    /// The next frame; `None` when the connection ended without an exit code because the monitor died.
    ///
    /// # Errors
    /// The connection broke, or what came is not a frame.
    pub async fn next(&mut self) -> Result<Option<Frame>> {
        loop {
            let Some((stream, data)) = self.frame().await? else { return Ok(None) };
            let chunk = |stream| Frame::Output(OutputChunk { stream, data: data.clone() });
            return Ok(Some(match stream {
                FRAME_STDOUT => chunk(OutputStream::Stdout),
                FRAME_STDERR => chunk(OutputStream::Stderr),
                FRAME_EXIT => Frame::Exit(exit_code(&data)?),
                FRAME_FAILED => Frame::Failed(String::from_utf8_lossy(&data).into_owned()),
                FRAME_READY => continue,
                other => return Err(Error::invalid("frame", format!("unknown stream {other}"))),
            }));
        }
    }

    async fn frame(&mut self) -> Result<Option<(u8, Bytes)>> {
        if !self.fill(FRAME_HEADER).await? {
            return Ok(None);
        }
        let (stream, length) = parse_header(&self.buffer)?;
        if !self.fill(FRAME_HEADER + length).await? {
            return Ok(None);
        }
        let mut frame = self.buffer.split_to(FRAME_HEADER + length);
        let payload = frame.split_off(FRAME_HEADER).freeze();
        Ok(Some((stream, payload)))
    }

    /// Reads until the buffer holds `length` bytes; `false` at the end.
    async fn fill(&mut self, length: usize) -> Result<bool> {
        while self.buffer.len() < length {
            self.buffer.reserve(MAX_FRAME);
            match self.socket.read_buf(&mut self.buffer).await {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::ConnectionReset => return Ok(false),
                Err(e) => return Err(Error::io("attach")(e)),
            }
        }
        Ok(true)
    }
}

/// Sets the size of a terminal.
///
/// # Errors
/// [`Error::NotRunning`], or there is no terminal.
pub async fn resize(run_dir: &Path, columns: u16, rows: u16) -> Result<()> {
    request(run_dir, &Request::Resize { width: columns, height: rows }).await
}

/// Has the health check run now, and waits for its end.
///
/// # Errors
/// [`Error::NotRunning`], or there is no health check.
pub async fn check_health(run_dir: &Path) -> Result<HealthReport> {
    let reply = answer(run_dir, &Request::CheckHealth).await?;
    let none = || Error::Monitor { id: name(run_dir), message: "it does not know health checks".to_owned() };
    reply.health.ok_or_else(none)
}

async fn request(run_dir: &Path, request: &Request) -> Result<()> {
    answer(run_dir, request).await.map(drop)
}

async fn answer(run_dir: &Path, request: &Request) -> Result<Reply> {
    let json = |source| Error::Json { path: run_dir.to_owned(), source };
    let mut message = vec![hello::CONTROL];
    serde_json::to_writer(&mut message, request).map_err(json)?;
    message.push(b'\n');
    let mut socket = dial(run_dir).await?;
    socket.write_all(&message).await.map_err(Error::io("monitor"))?;
    let mut line = String::new();
    let mut reader = BufReader::new(socket).take(MAX_FRAME as u64);
    reader.read_line(&mut line).await.map_err(Error::io("monitor"))?;
    if line.is_empty() {
        return Err(not_running(run_dir));
    }
    let reply: Reply = serde_json::from_str(&line).map_err(json)?;
    match reply.error {
        None => Ok(reply),
        Some(message) => Err(Error::Monitor { id: name(run_dir), message }),
    }
}

async fn dial(run_dir: &Path) -> Result<UnixStream> {
    with_short_path(run_dir, |path| async move { UnixStream::connect(path).await }).await
}

/// Socket addresses end at 108 bytes, so a longer name goes through a descriptor of its directory.
async fn with_short_path<F, Fut>(run_dir: &Path, connect: F) -> Result<UnixStream>
where
    F: FnOnce(std::path::PathBuf) -> Fut,
    Fut: Future<Output = io::Result<UnixStream>>,
{
    let (path, _directory) = short_path(run_dir).map_err(|_| not_running(run_dir))?;
    connect(path).await.map_err(|e| match e.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => not_running(run_dir),
        _ => Error::io(format!("attach to {}", run_dir.display()))(e),
    })
}

/// A name of the attach socket that fits into a socket address; the descriptor must live as long as it is used.
pub(crate) fn short_path(run_dir: &Path) -> io::Result<(std::path::PathBuf, Option<std::os::fd::OwnedFd>)> {
    let path = run_dir.join(ATTACH_SOCKET);
    if path.as_os_str().len() < 100 {
        return Ok((path, None));
    }
    use rustix::fs::{Mode, OFlags};
    let directory =
        rustix::fs::open(run_dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let path = format!("/proc/self/fd/{}/{ATTACH_SOCKET}", directory.as_raw_fd());
    Ok((path.into(), Some(directory)))
}

/// Stream and payload length of a frame.
pub(crate) fn parse_header(bytes: &[u8]) -> Result<(u8, usize)> {
    let [stream, 0, 0, 0, a, b, c, d] = bytes[..FRAME_HEADER] else {
        return Err(Error::invalid("frame", "bad header"));
    };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if length > MAX_FRAME {
        return Err(Error::invalid("frame", format!("{length} bytes")));
    }
    Ok((stream, length))
}

pub(crate) fn exit_code(payload: &[u8]) -> Result<i32> {
    let bytes = payload.try_into().map_err(|_| Error::invalid("frame", "exit code of a wrong length"))?;
    Ok(i32::from_be_bytes(bytes))
}

pub(crate) fn not_running(run_dir: &Path) -> Error {
    Error::NotRunning { id: name(run_dir) }
}

fn name(run_dir: &Path) -> String {
    run_dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
