//! A connection whose other side may answer before it has read all.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use cove_api::endpoint::Duplex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A service may refuse an upload at its first bytes and hang up. What cannot be sent any more is dropped then, so that
/// the answer, which waits to be read, is what the caller gets.
pub(crate) struct Heard {
    connection: Box<dyn Duplex>,
    hung_up: bool,
}

impl Heard {
    pub(crate) fn new(connection: Box<dyn Duplex>) -> Self {
        Self { connection, hung_up: false }
    }

    /// The result of sending, with `dropped` where nobody reads any more.
    fn sent<T>(&mut self, result: Poll<io::Result<T>>, dropped: T) -> Poll<io::Result<T>> {
        match result {
            Poll::Ready(Err(error))
                if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) =>
            {
                self.hung_up = true;
                Poll::Ready(Ok(dropped))
            }
            result => result,
        }
    }
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(context, buffer)
    }
}

impl AsyncWrite for Heard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.hung_up {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = Pin::new(&mut self.connection).poll_write(context, bytes);
        self.sent(result, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = pieces.iter().map(|piece| piece.len()).sum();
        if self.hung_up {
            return Poll::Ready(Ok(all));
        }
        let result = Pin::new(&mut self.connection).poll_write_vectored(context, pieces);
        self.sent(result, all)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.connection).poll_flush(context);
        self.sent(result, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.connection).poll_shutdown(context);
        self.sent(result, ())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[cfg(unix)]
    #[tokio::test]
    async fn the_answer_of_one_who_hung_up_is_read() {
        let (here, mut there) = tokio::net::UnixStream::pair().expect("a pair");
        let mut here = Heard::new(Box::new(here));
        here.write_all(b"the first bytes").await.expect("sent");
        there.write_all(b"no").await.expect("answered");
        drop(there);
        here.write_all(&vec![0; 1 << 20]).await.expect("dropped");
        let mut answer = [0; 2];
        here.read_exact(&mut answer).await.expect("the answer");
        assert_eq!(&answer, b"no");
    }
}
