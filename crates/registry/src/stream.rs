//! Streams of blobs: verifying as they pass, and reading them from blocking code.

use std::io::{self, Read};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use cove_archive::{Digest, Hasher};
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::{Error, Result};
use crate::image::BlobStream;

/// What became of a verified stream, readable after it was given away.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome(Arc<Mutex<State>>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Unfinished,
    Verified,
    Failed(Option<Error>),
}

impl Outcome {
    fn set(&self, state: State) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Whether the whole blob passed and was right.
    pub(crate) fn is_verified(&self) -> bool {
        matches!(*self.0.lock().unwrap_or_else(PoisonError::into_inner), State::Verified)
    }

    /// The error that ended the stream, once.
    pub(crate) fn take_error(&self) -> Option<Error> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Failed(error) => error.take(),
            _ => None,
        }
    }
}

/// Called with the number of bytes of each piece.
pub(crate) type OnBytes = Box<dyn FnMut(u64) + Send>;

/// Passes a blob on and fails, in place of its end, when digest or size are not as expected.
pub(crate) struct Verified {
    inner: BlobStream,
    hasher: Option<Hasher>,
    subject: String,
    expected: Digest,
    size: u64,
    seen: u64,
    outcome: Outcome,
    on_bytes: OnBytes,
}

impl Verified {
    /// `subject` names the blob in errors.
    pub(crate) fn new(
        inner: BlobStream,
        subject: String,
        expected: Digest,
        size: u64,
        on_bytes: OnBytes,
    ) -> (Self, Outcome) {
        let outcome = Outcome::default();
        let hasher = Some(Hasher::new(expected.algorithm()));
        let stream =
            Self { inner, hasher, subject, expected, size, seen: 0, outcome: outcome.clone(), on_bytes };
        (stream, outcome)
    }

    fn fail(&mut self, error: Error) -> Poll<Option<io::Result<Bytes>>> {
        self.hasher = None;
        let told = io::Error::new(io::ErrorKind::InvalidData, error.to_string());
        self.outcome.set(State::Failed(Some(error)));
        Poll::Ready(Some(Err(told)))
    }

    fn end(&mut self) -> Poll<Option<io::Result<Bytes>>> {
        let Some(hasher) = self.hasher.take() else { return Poll::Ready(None) };
        let subject = self.subject.clone();
        if self.seen != self.size {
            let (expected, actual) = (self.size, self.seen);
            return self.fail(Error::SizeMismatch { subject, expected, actual });
        }
        let actual = hasher.finish();
        if actual != self.expected {
            let expected = self.expected.clone();
            return self.fail(Error::DigestMismatch { subject, expected, actual });
        }
        self.outcome.set(State::Verified);
        Poll::Ready(None)
    }
}

impl Stream for Verified {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.hasher.is_none() {
            return Poll::Ready(None);
        }
        match std::task::ready!(self.inner.as_mut().poll_next(context)) {
            None => self.end(),
            Some(Err(error)) => {
                let error = Error::io(self.subject.clone(), error);
                self.fail(error)
            }
            Some(Ok(piece)) => {
                self.seen += piece.len() as u64;
                if self.seen > self.size {
                    let error = Error::SizeMismatch {
                        subject: self.subject.clone(),
                        expected: self.size,
                        actual: self.seen,
                    };
                    return self.fail(error);
                }
                if let Some(hasher) = &mut self.hasher {
                    hasher.update(&piece);
                }
                (self.on_bytes)(piece.len() as u64);
                Poll::Ready(Some(Ok(piece)))
            }
        }
    }
}

/// All of a stream, at most `limit` bytes.
pub(crate) async fn collect(mut stream: BlobStream, subject: &str, limit: u64) -> Result<Bytes> {
    let mut data = BytesMut::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| Error::io(subject, error))?;
        if data.len() as u64 + piece.len() as u64 > limit {
            return Err(Error::TooLarge { subject: subject.into(), limit });
        }
        data.extend_from_slice(&piece);
    }
    Ok(data.freeze())
}

/// A stream of one piece.
pub fn from_bytes(data: Bytes) -> BlobStream {
    Box::pin(futures_util::stream::once(async move { Ok(data) }))
}

/// A [`Read`] over a [`BlobStream`] for blocking code, such as the store's unpacking.
///
/// A task of the async runtime fetches ahead by a few pieces; dropping the reader ends it. [`read_blocking`] makes it.
pub struct BlockingReader {
    pieces: mpsc::Receiver<Piece>,
    current: Bytes,
    task: JoinHandle<()>,
    ended: bool,
}

enum Piece {
    Data(Bytes),
    Error(io::Error),
    End,
}

const PIECES_AHEAD: usize = 16;

impl BlockingReader {
    fn new(mut stream: BlobStream) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        let task = tokio::spawn(async move {
            loop {
                let piece = match stream.next().await {
                    Some(Ok(data)) if data.is_empty() => continue,
                    Some(Ok(data)) => Piece::Data(data),
                    Some(Err(error)) => Piece::Error(error),
                    None => Piece::End,
                };
                let last = !matches!(piece, Piece::Data(_));
                if sender.send(piece).await.is_err() || last {
                    return;
                }
            }
        });
        Self { pieces, current: Bytes::new(), task, ended: false }
    }
}

impl Read for BlockingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() && !self.ended && !buffer.is_empty() {
            match self.pieces.blocking_recv() {
                Some(Piece::Data(data)) => self.current = data,
                Some(Piece::End) => self.ended = true,
                Some(Piece::Error(error)) => {
                    self.ended = true;
                    return Err(error);
                }
                // The task was cancelled: that must not look like the end of the data.
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let length = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// Runs `work` on a blocking thread with the stream as a reader. Dropping the future ends the stream, so that `work`
/// sees a failed read and ends too.
///
/// # Errors
/// What `work` returns, or that it panicked.
pub async fn read_blocking<T, E>(
    stream: BlobStream,
    work: impl FnOnce(&mut BlockingReader) -> std::result::Result<T, E> + Send + 'static,
) -> std::result::Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    struct AbortOnDrop(tokio::task::AbortHandle);
    impl Drop for AbortOnDrop {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
    let mut reader = BlockingReader::new(stream);
    let _guard = AbortOnDrop(reader.task.abort_handle());
    match tokio::task::spawn_blocking(move || work(&mut reader)).await {
        Ok(result) => result,
        Err(error) => Err(Error::external(error).into()),
    }
}

impl Drop for BlockingReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_reading_ends_on_its_thread_with_an_error() {
        let (sender, pieces) = mpsc::unbounded_channel();
        let stream = futures_util::stream::unfold(pieces, |mut pieces| async {
            pieces.recv().await.map(|piece| (Ok(piece), pieces))
        });
        let (told, mut tells) = mpsc::unbounded_channel();
        let reading = tokio::spawn(read_blocking(Box::pin(stream), move |reader| -> Result<()> {
            let mut buffer = vec![0; 5];
            let read = reader.read_exact(&mut buffer);
            told.send(read.map_err(|error| error.kind())).unwrap();
            let read = reader.read_to_end(&mut buffer).map(drop);
            told.send(read.map_err(|error| error.kind())).unwrap();
            Ok(())
        }));
        sender.send(Bytes::from_static(b"begun")).unwrap();
        assert_eq!(tells.recv().await, Some(Ok(())));
        reading.abort();
        let end = tokio::time::timeout(std::time::Duration::from_secs(20), tells.recv()).await;
        assert_eq!(end, Ok(Some(Err(io::ErrorKind::UnexpectedEof))));
        assert!(sender.is_closed());
    }
}
