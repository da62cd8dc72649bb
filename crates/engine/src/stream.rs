//! Between the streams of the API and readers that block.

use cove_api::{ByteStream, Result};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

/// Bytes per piece of a stream.
pub(crate) const PIECE: usize = 128 << 10;

/// Reads a body on a blocking thread.
struct BodyReader {
    pieces: mpsc::Receiver<Result<bytes::Bytes>>,
    current: bytes::Bytes,
}

impl std::io::Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(Ok(data)) => self.current = data,
                Some(Err(error)) => return Err(std::io::Error::other(error)),
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        buffer[..length].copy_from_slice(&self.current.split_to(length));
        Ok(length)
    }
}

/// A reader for blocking code over a body; a task feeds it.
pub(crate) fn reader(mut body: ByteStream) -> impl std::io::Read + Send + 'static {
    let (sender, pieces) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Some(piece) = body.next().await {
            let failed = piece.is_err();
            if sender.send(piece).await.is_err() || failed {
                return;
            }
        }
    });
    BodyReader { pieces, current: bytes::Bytes::new() }
}

/// A channel of pieces as a stream.
pub(crate) struct Pieces<T> {
    pub(crate) receiver: mpsc::Receiver<T>,
}

impl<T> futures_util::Stream for Pieces<T> {
    type Item = T;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<T>> {
        self.receiver.poll_recv(context)
    }
}

/// What a reader for blocking code gives, opened and read on a thread of its own. Dropping the stream ends it.
pub(crate) fn pieces<R: std::io::Read>(open: impl FnOnce() -> Result<R> + Send + 'static) -> ByteStream {
    let (sender, receiver) = mpsc::channel(8);
    tokio::task::spawn_blocking(move || {
        let read = || -> Result<()> {
            let mut reader = open()?;
            loop {
                let mut piece = vec![0_u8; PIECE];
                let mut length = 0;
                while length < piece.len() {
                    match reader.read(&mut piece[length..]) {
                        Ok(0) => break,
                        Ok(count) => length += count,
                        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                if length == 0 {
                    return Ok(());
                }
                piece.truncate(length);
                if sender.blocking_send(Ok(piece.into())).is_err() {
                    return Ok(());
                }
            }
        };
        if let Err(error) = read() {
            let _ = sender.blocking_send(Err(error));
        }
    });
    Box::pin(Pieces { receiver })
}

/// What `write` writes, on a thread made for it. Dropping the stream ends the writing.
pub(crate) fn written(
    write: impl FnOnce(&mut dyn std::io::Write) -> Result<()> + Send + 'static,
) -> ByteStream {
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(async move {
        let failed = sender.clone();
        let work = move || {
            let mut out = std::io::BufWriter::with_capacity(PIECE, Sender(sender));
            let result = write(&mut out).and_then(|()| Ok(std::io::Write::flush(&mut out)?));
            // Nothing of what is still buffered may follow an error.
            let _ = out.into_parts();
            result
        };
        // A panic must not look like the end of the stream.
        let done = tokio::task::spawn_blocking(work).await;
        if let Err(error) = done.unwrap_or_else(|error| Err(cove_api::Error::internal(error.to_string()))) {
            let _ = failed.send(Err(error)).await;
        }
    });
    Box::pin(Pieces { receiver })
}

/// The way to a stream's reader.
struct Sender(mpsc::Sender<Result<bytes::Bytes>>);

impl std::io::Write for Sender {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        let piece = bytes::Bytes::copy_from_slice(data);
        self.0.blocking_send(Ok(piece)).map_err(|_| std::io::Error::from(std::io::ErrorKind::BrokenPipe))?;
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
