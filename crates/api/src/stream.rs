//! Streams between caller and engine: attached terminals, byte bodies, progress.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use tokio::io::AsyncWrite;

use crate::Result;

/// A stream of values that may fail on the way.
pub type ValueStream<T> = Pin<Box<dyn Stream<Item = Result<T>> + Send>>;

/// A body of bytes in pieces.
pub type ByteStream = ValueStream<Bytes>;

/// Which of a process's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputStream {
    /// Standard output, or a terminal's only output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputChunk {
    /// Where it came from.
    pub stream: OutputStream,
    /// The bytes.
    pub data: Bytes,
}

/// A two-way connection to a container or exec session. Dropping it detaches.
pub struct AttachStream {
    /// Its standard input; shutting it down closes that input. `None` where input was not asked for.
    pub input: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    /// Its output, up to the end of the process.
    pub output: ValueStream<OutputChunk>,
}

impl std::fmt::Debug for AttachStream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AttachStream").field("input", &self.input.is_some()).finish_non_exhaustive()
    }
}

/// Progress of a long operation, and its result as the last item.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress<T> {
    /// A line for people (`Trying to pull …`), as Podman writes them to stderr.
    Message(String),
    /// A blob has moved on.
    Blob(BlobProgress),
    /// The result.
    Done(T),
}

/// How far one blob is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct BlobProgress {
    /// The digest.
    pub digest: String,
    /// Bytes so far.
    pub current: u64,
    /// Bytes in all; 0 where unknown.
    pub total: u64,
    /// What happens to it.
    pub phase: BlobPhase,
}

/// What happens to a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BlobPhase {
    /// On its way.
    Copying,
    /// It was there already.
    Exists,
    /// It is complete.
    Done,
}
