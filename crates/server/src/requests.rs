//! A connection as the HTTP library sees it: every head is read here first, in time and within bounds.
//!
//! The library reads heads by rules that clients of Go's services do not keep, answers what it refuses with an empty body,
//! and waits for a head for ever. So heads are read, checked and put right by [`crate::head`] before they go on; bodies
//! pass unchanged, only their end is looked for ([`crate::framing`]). A head that is refused becomes a request that the
//! router answers with the reason.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::http::StatusCode;
use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_util::io::poll_read_buf;

use crate::framing::Framing;
use crate::head::{self, LONGEST_HEAD, Refusal};
use crate::hijack;
use crate::slots::Slot;

/// Bytes that are read at once.
const PIECE: usize = 16 << 10;

/// What stands for a request that was refused by its head.
const REFUSED: &[u8] = b"GET / HTTP/1.1\r\nhost: d\r\nconnection: close\r\n\r\n";

/// How long a connection may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Without any request; the connection then ends without a word.
    pub(crate) idle: Duration,
    /// From the first byte of a head to its last; then the answer is 408.
    pub(crate) head: Duration,
    /// Between two bytes of a head.
    pub(crate) byte: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(5 * 60),
            head: Duration::from_secs(30),
            byte: Duration::from_secs(10),
        }
    }
}

/// What a connection's reader and its requests tell each other.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    refusal: Mutex<Option<Refusal>>,
    /// Requests whose answer is not yet whole.
    open: AtomicUsize,
}

impl Exchange {
    /// Why the request that comes now was refused.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A request whose answer is not yet whole; dropped with the last of it.
#[derive(Debug)]
pub(crate) struct Open(pub(crate) Arc<Exchange>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The connection.
pub(crate) struct Requests<T> {
    stream: T,
    slot: Slot,
    patience: Patience,
    exchange: Arc<Exchange>,
    state: State,
    /// Read from the client, not yet looked at.
    input: BytesMut,
    /// So much of the input has no end of a head in it.
    scanned: usize,
    /// For the library.
    output: BytesMut,
    clock: Pin<Box<Sleep>>,
    since: Since,
    /// The request became an upgrade, see [`hijack`]; its answer must not look like one.
    disguised: bool,
    /// What the disguised answer begins with.
    pending: Vec<u8>,
}

enum State {
    /// A head comes next.
    Head,
    /// A body.
    Body(Framing),
    /// Nothing more is read.
    Ended,
}

/// Since when the connection waits for a head.
#[derive(Default)]
struct Since {
    idle: Option<Instant>,
    head: Option<Instant>,
    byte: Option<Instant>,
}

impl<T: AsyncRead + Unpin> Requests<T> {
    pub(crate) fn new(stream: T, slot: Slot, patience: Patience, exchange: Arc<Exchange>) -> Self {
        Self {
            stream,
            slot,
            patience,
            exchange,
            state: State::Head,
            input: BytesMut::new(),
            scanned: 0,
            output: BytesMut::new(),
            clock: Box::pin(tokio::time::sleep(patience.idle)),
            since: Since::default(),
            disguised: false,
            pending: Vec::new(),
        }
    }

    /// Moves on with what has been read; true where something changed.
    fn advance(&mut self) -> bool {
        match &mut self.state {
            State::Ended => false,
            State::Body(Framing::Done) => {
                self.state = State::Head;
                true
            }
            State::Body(framing) => framing.pass(&mut self.input, &mut self.output),
            State::Head => self.take_head(),
        }
    }

    fn take_head(&mut self) -> bool {
        // As other servers, which allow for an end of line behind a body.
        let blank = self.input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if blank > 0 && self.scanned == 0 {
            drop(self.input.split_to(blank));
        }
        let end = head::end_of(&self.input, self.scanned);
        if end.unwrap_or(self.input.len()) > LONGEST_HEAD {
            let message = format!("the head of the request is longer than {LONGEST_HEAD} bytes");
            self.refuse(Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message));
            return true;
        }
        let Some(end) = end else {
            self.scanned = self.input.len();
            return false;
        };
        let bytes = self.input.split_to(end);
        self.scanned = 0;
        self.since = Since::default();
        match head::read(&bytes) {
            Ok(head) => {
                self.state = State::Body(head.body.into());
                self.disguised = head.disguised;
                match head.bytes {
                    std::borrow::Cow::Borrowed(_) => self.output = bytes,
                    std::borrow::Cow::Owned(changed) => self.output.extend_from_slice(&changed),
                }
                self.exchange.open.fetch_add(1, Ordering::AcqRel);
            }
            Err(refusal) => self.refuse(refusal),
        }
        true
    }

    fn refuse(&mut self, refusal: Refusal) {
        *self.exchange.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
        self.exchange.open.fetch_add(1, Ordering::AcqRel);
        self.input.clear();
        self.output.extend_from_slice(REFUSED);
        self.state = State::Ended;
    }

    /// The client has ended its side. Half a head is no request; what there is of a body goes on, and the library says
    /// that it is cut off.
    fn end(&mut self) {
        let rest = std::mem::take(&mut self.input);
        if matches!(self.state, State::Body(_)) {
            self.output.unsplit(rest);
        }
        self.state = State::Ended;
    }

    /// While nothing comes: looks at the clock. Ready where the state has changed.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // The library also listens while it answers, to hear the client go.
        if !matches!(self.state, State::Head) || self.exchange.open.load(Ordering::Acquire) > 0 {
            return Poll::Pending;
        }
        let now = Instant::now();
        let deadline = if self.input.is_empty() {
            self.slot.set_idle();
            *self.since.idle.get_or_insert(now) + self.patience.idle
        } else {
            let head = *self.since.head.get_or_insert(now) + self.patience.head;
            head.min(*self.since.byte.get_or_insert(now) + self.patience.byte)
        };
        // A clock that is set for an earlier time is left to ring and set anew then: most deadlines move on before it.
        if self.clock.deadline() > deadline {
            self.clock.as_mut().reset(deadline);
        }
        loop {
            ready!(self.clock.as_mut().poll(context));
            if Instant::now() >= deadline {
                break;
            }
            self.clock.as_mut().reset(deadline);
        }
        if self.input.is_empty() {
            self.state = State::Ended;
        } else {
            let message = "the head of the request did not come in time";
            self.refuse(Refusal::new(StatusCode::REQUEST_TIMEOUT, message));
        }
        Poll::Ready(())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Requests<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = &mut *self;
        loop {
            if !this.output.is_empty() {
                let count = this.output.len().min(buffer.remaining());
                buffer.put_slice(&this.output[..count]);
                this.output.advance(count);
                if this.output.is_empty() {
                    // It may share the input's memory, which can be used again when nobody else does.
                    this.output = BytesMut::new();
                }
                return Poll::Ready(Ok(()));
            }
            if this.advance() {
                continue;
            }
            match this.state {
                State::Ended => return Poll::Ready(Ok(())),
                State::Body(Framing::Rest) => return Pin::new(&mut this.stream).poll_read(context, buffer),
                _ => {}
            }
            this.input.reserve(PIECE);
            match poll_read_buf(Pin::new(&mut this.stream), context, &mut this.input) {
                Poll::Ready(Ok(0)) => this.end(),
                Poll::Ready(Ok(_)) => {
                    this.slot.set_busy();
                    if matches!(this.state, State::Head) {
                        let now = Instant::now();
                        this.since.head.get_or_insert(now);
                        this.since.byte = Some(now);
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => ready!(this.poll_patience(context)),
            }
        }
    }
}

impl<T: AsyncWrite + Unpin> Requests<T> {
    fn poll_pending(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        while !self.pending.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.pending))?;
            self.pending.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Requests<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if self.disguised {
            // The head is short and comes as one piece into an empty socket buffer.
            self.disguised = false;
            if let Some(changed) = hijack::without_upgrade(buffer) {
                self.pending = changed;
                // Accepted whole here; what of it is still pending goes out before anything else.
                return match self.poll_pending(context) {
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    _ => Poll::Ready(Ok(buffer.len())),
                };
            }
        }
        ready!(self.poll_pending(context))?;
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        ready!(self.poll_pending(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        ready!(self.poll_pending(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::Slots;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const SHORT: Patience = Patience {
        idle: Duration::from_millis(80),
        head: Duration::from_millis(200),
        byte: Duration::from_millis(80),
    };

    fn connection() -> (tokio::io::DuplexStream, Requests<tokio::io::DuplexStream>, Arc<Exchange>) {
        let (client, server) = tokio::io::duplex(1 << 16);
        let exchange = Arc::new(Exchange::default());
        let slot = Slots::new(10).take();
        (client, Requests::new(server, slot, SHORT, Arc::clone(&exchange)), exchange)
    }

    #[tokio::test]
    async fn a_silent_connection_ends() {
        let (_client, mut requests, exchange) = connection();
        let mut text = String::new();
        requests.read_to_string(&mut text).await.unwrap();
        assert_eq!((text.as_str(), exchange.refusal()), ("", None));
    }

    #[tokio::test]
    async fn a_slow_head_is_refused() {
        for pause in [30, 1000] {
            let (mut client, mut requests, exchange) = connection();
            let writer = tokio::spawn(async move {
                for byte in b"GET /a/very/long/path/that/does/not/end" {
                    if client.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                std::future::pending::<()>().await;
            });
            let mut text = String::new();
            tokio::time::timeout(Duration::from_secs(5), requests.read_to_string(&mut text))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(text.as_bytes(), REFUSED);
            assert_eq!(exchange.refusal().unwrap().status, StatusCode::REQUEST_TIMEOUT);
            writer.abort();
        }
    }

    #[tokio::test]
    async fn nobody_is_hurried_while_there_is_a_request() {
        let (mut client, mut requests, exchange) = connection();
        client.write_all(b"GET /events HTTP/1.1\r\n\r\n").await.unwrap();
        let mut head = [0; 24];
        requests.read_exact(&mut head).await.unwrap();
        let open = Open(exchange);
        let mut byte = [0];
        let wait = Duration::from_millis(300);
        assert!(
            tokio::time::timeout(wait, requests.read(&mut byte)).await.is_err(),
            "it waits for the answer"
        );
        drop(open);
        let end = tokio::time::timeout(Duration::from_secs(5), requests.read(&mut byte)).await.unwrap();
        assert_eq!(end.unwrap(), 0);
    }
}
