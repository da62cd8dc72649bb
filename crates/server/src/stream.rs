//! Streams to clients: JSON values one a line, frames, and connections that are taken over.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use cove_api::endpoint::{self, FRAMED, RAW, frame, log_bytes};
use cove_api::{AttachStream, ByteStream, Error, LogLine, OutputChunk, ValueStream};
use futures_util::{Stream, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::error::Answer;
use crate::hangup::HangUp;
use crate::hijack;

/// How long a client may take to close its side after the output has ended.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(2);

/// An answer of pieces as they come. An error in the middle cuts the answer off, which the client notices.
pub(crate) fn pieces(content_type: &'static str, stream: ByteStream) -> Response {
    ([(header::CONTENT_TYPE, content_type)], Body::from_stream(stream)).into_response()
}

/// [`pieces`] whose first decides between an answer and an error.
pub(crate) async fn begun_pieces(content_type: &'static str, mut stream: ByteStream) -> Answer {
    match stream.next().await {
        Some(Err(error)) => Err(error.into()),
        first => Ok(pieces(content_type, Box::pin(futures_util::stream::iter(first).chain(stream)))),
    }
}

/// [`pieces`] that are JSON values, one a line.
pub(crate) fn json_lines<T: Serialize>(
    values: impl Stream<Item = cove_api::Result<T>> + Send + 'static,
) -> Response {
    pieces("application/json", endpoint::json_lines(values))
}

/// The body of a request as a stream of the engine.
pub(crate) fn upload(body: Body) -> ByteStream {
    Box::pin(
        body.into_data_stream()
            .map(|piece| piece.map_err(|error| Error::invalid(format!("request body: {error}")))),
    )
}

/// True where the client asks to take the connection over, for itself or for a WebSocket.
pub(crate) fn wants_upgrade(path: &str, headers: &HeaderMap) -> bool {
    offers(headers, hijack::is_taken)
        || (hijack::takes_http2(path.as_bytes()) && offers(headers, hijack::is_http2))
}

/// Any of several headers, as for the head.
fn offers(headers: &HeaderMap, is_meant: fn(&[u8]) -> bool) -> bool {
    headers.get_all(header::UPGRADE).iter().any(|value| is_meant(value.as_bytes().trim_ascii()))
}

/// Answers 101, and gives the connection, on which HTTP/2 follows, to `serve`.
pub(crate) fn http2<F>(request: &mut Request, serve: impl FnOnce(Upgraded) -> F + Send + 'static) -> Answer
where
    F: Future<Output = ()> + Send,
{
    if !offers(request.headers(), hijack::is_http2) {
        return Err(Error::invalid("the connection is to go on with `Upgrade: h2c`").into());
    }
    let upgrade = hyper::upgrade::on(request);
    tokio::spawn(async move {
        match upgrade.await {
            Ok(connection) => serve(connection).await,
            Err(error) => tracing::debug!(%error, "the client left before HTTP/2 began"),
        }
    });
    let headers = [(header::CONNECTION, "Upgrade"), (header::UPGRADE, "h2c")];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

/// Answers 101 and couples the connection with `attached`. Without an upgrade: 200, the request's body as the input
/// and the answer's as the output.
pub(crate) fn attach(request: &mut Request, attached: AttachStream, terminal: bool) -> Response {
    let content_type = HeaderValue::from_static(if terminal { RAW } else { FRAMED });
    let AttachStream { input, output } = attached;
    if !offers(request.headers(), hijack::is_raw) {
        let body = std::mem::take(request.body_mut());
        let output = output.map(move |chunk| {
            chunk.map(|chunk| if terminal { chunk.data } else { frame(chunk.stream, &chunk.data) })
        });
        let output = WithFeeder { output, feeder: input.map(|input| tokio::spawn(feed_body(body, input))) };
        let mut response =
            ([(header::CONTENT_TYPE, content_type)], Body::from_stream(output)).into_response();
        // Clients that read the connection itself want the bytes without chunks, up to its end.
        *response.version_mut() = Version::HTTP_10;
        return response;
    }
    let plain = request.headers().contains_key(hijack::PLAIN);
    let hang_up = request.extensions().get::<HangUp>().cloned();
    let is_local = hang_up.as_ref().is_some_and(HangUp::is_local);
    let loses_the_beginning = !is_local && loses_the_beginning(request.headers());
    let upgrade = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let connection = match upgrade.await {
            Ok(connection) => TokioIo::new(connection),
            Err(error) => {
                tracing::debug!(%error, "the client left before the stream began");
                return;
            }
        };
        // Some clients read the head through a buffer and the stream past it: what is in the buffer by then is lost.
        if let Some(socket) = &hang_up {
            let _ = tokio::time::timeout(APART_AT_MOST, socket.has_read()).await;
        }
        if loses_the_beginning {
            tokio::time::sleep(APART).await;
        }
        let gone = async {
            match &hang_up {
                Some(hang_up) => hang_up.wait().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = couple(connection, input, output, terminal) => {}
            () = gone => tracing::debug!("the client of an attached stream is gone"),
        }
    });
    let mut response =
        (StatusCode::SWITCHING_PROTOCOLS, [(header::CONTENT_TYPE, content_type)]).into_response();
    if !plain {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("tcp"));
    }
    response
}

/// How long the stream waits for a client to read the head.
const APART_AT_MOST: Duration = Duration::from_secs(2);
/// How long it stays behind the head where nobody can tell whether that was read.
const APART: Duration = Duration::from_millis(100);

/// Whether a client reads the head through a buffer: docker-py, which programs give names of their own. The library
/// below it offers compression where none can be.
fn loses_the_beginning(headers: &HeaderMap) -> bool {
    let starts =
        |name, with: &[u8]| headers.get(name).is_some_and(|value| value.as_bytes().starts_with(with));
    starts(header::USER_AGENT, b"docker-sdk-python") || starts(header::ACCEPT_ENCODING, b"gzip, deflate")
}

/// The way to a process's standard input.
type Input = Pin<Box<dyn AsyncWrite + Send>>;

/// Output of an answer, and the task that feeds the input for as long as the output is wanted.
struct WithFeeder<S> {
    output: S,
    feeder: Option<tokio::task::JoinHandle<()>>,
}

impl<S: Stream + Unpin> Stream for WithFeeder<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.output.poll_next_unpin(context)
    }
}

impl<S> Drop for WithFeeder<S> {
    fn drop(&mut self) {
        if let Some(feeder) = &self.feeder {
            feeder.abort();
        }
    }
}

async fn feed_body(body: Body, mut input: Input) {
    let mut pieces = body.into_data_stream();
    let mut any = false;
    while let Some(Ok(piece)) = pieces.next().await {
        any = true;
        if input.write_all(&piece).await.is_err() {
            break;
        }
    }
    // A request without a body says nothing about the input, so that stays open.
    if any {
        let _ = input.shutdown().await;
    }
    // Dropping it would detach.
    std::future::pending().await
}

async fn couple(
    connection: TokioIo<Upgraded>,
    mut input: Option<Input>,
    mut output: ValueStream<OutputChunk>,
    terminal: bool,
) {
    let (mut reader, mut writer) = tokio::io::split(connection);
    let feed = async move {
        let mut buffer = vec![0; 32 * 1024];
        let mut wanted = true;
        while let Ok(count @ 1..) = reader.read(&mut buffer).await {
            // What nobody wants any more is still read: closing a socket with unread bytes makes the client's read of
            // the last output fail.
            if let Some(open) = input.as_mut().filter(|_| wanted) {
                wanted = open.write_all(&buffer[..count]).await.is_ok();
            }
        }
        // The client is done writing: so is the container's input. It may still read.
        if let Some(open) = input.as_mut() {
            let _ = open.shutdown().await;
        }
        // Dropping it would detach.
        input
    };
    let drain = async {
        while let Some(Ok(chunk)) = output.next().await {
            let bytes = if terminal { chunk.data } else { frame(chunk.stream, &chunk.data) };
            if writer.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = writer.shutdown().await;
    };
    tokio::pin!(feed, drain);
    let _input = tokio::select! {
        input = &mut feed => {
            drain.await;
            input
        }
        () = &mut drain => {
            // The client answers the end of the output by closing its side.
            let _ = tokio::time::timeout(LAST_WORDS, &mut feed).await;
            None
        }
    };
}

/// Logs as one body.
pub(crate) fn logs(lines: ValueStream<LogLine>, timestamps: bool, framed: bool) -> Response {
    let pieces_of = lines.map(move |line| {
        let line = line?;
        let bytes = log_bytes(&line, timestamps);
        Ok(if framed { frame(line.stream, &bytes) } else { bytes.freeze() })
    });
    pieces(if framed { FRAMED } else { RAW }, Box::pin(pieces_of))
}
