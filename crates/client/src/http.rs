//! Connections, requests and answers.

use bytes::Bytes;
use cove_api::{
    Containers, Engine, Error, ErrorKind, Execs, Images, Networks, Result, System, ValueStream, Volumes,
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{Endpoint, query::Target};

/// Longest JSON answer; a list of a hundred thousand containers fits.
const LONGEST_ANSWER: usize = 256 << 20;
/// Longest line of a stream of JSON values.
const LONGEST_LINE: usize = 4 << 20;

type Body = BoxBody<Bytes, Error>;

/// A service, seen as an engine.
#[derive(Debug, Clone)]
pub struct Client {
    endpoint: Endpoint,
}

impl Client {
    /// A client of the service at `endpoint`; nothing is connected yet.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Where the service listens.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn unreachable(&self, error: &dyn std::error::Error) -> Error {
        Error::from_chain(ErrorKind::Unavailable, error)
            .context(format!("cannot connect to the Cove service at {}", self.endpoint))
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        match &self.endpoint {
            #[cfg(unix)]
            Endpoint::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await;
                Ok(Box::new(stream.map_err(|error| self.unreachable(&error))?))
            }
            #[cfg(not(unix))]
            Endpoint::Unix(_) => Err(Error::unsupported(format!(
                "{}: there are no unix sockets on this system",
                self.endpoint
            ))),
            Endpoint::Tcp(host) => {
                let stream = tokio::net::TcpStream::connect(host).await;
                Ok(Box::new(stream.map_err(|error| self.unreachable(&error))?))
            }
        }
    }

    /// Sends a request and gives the answer with its body unread.
    async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>> {
        let connection = self.connect().await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(connection))
            .await
            .map_err(|error| self.unreachable(&error))?;
        // Ends with the answer's body, or goes over to the upgraded stream.
        tokio::spawn(connection.with_upgrades());
        let response = sender.send_request(request).await;
        response.map_err(|error| {
            Error::from_chain(ErrorKind::Unavailable, &error)
                .context(format!("the service at {}", self.endpoint))
        })
    }

    pub(crate) fn request(&self, method: Method, target: &Target) -> http::request::Builder {
        Request::builder().method(method).uri(target.as_str()).header(header::HOST, "d")
    }

    /// Sends and fails for any status from 400 on.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Result<Response<Incoming>> {
        let response = self.send(request).await?;
        if response.status().as_u16() < 400 {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let body = collect(response).await.unwrap_or_default();
        Err(decode_error(status, &body))
    }

    /// A request whose answer's body does not matter.
    pub(crate) async fn call(&self, method: Method, target: &Target) -> Result<()> {
        let response = self.answer(build(self.request(method, target), empty())?).await?;
        collect(response).await.map(drop)
    }

    /// A request with a JSON answer.
    pub(crate) async fn json<T: DeserializeOwned>(&self, method: Method, target: &Target) -> Result<T> {
        let response = self.answer(build(self.request(method, target), empty())?).await?;
        decode(&collect(response).await?)
    }

    /// A request with a JSON body and a JSON answer.
    pub(crate) async fn json_with<T: DeserializeOwned>(
        &self,
        target: &Target,
        body: &impl serde::Serialize,
    ) -> Result<T> {
        let response = self.answer(json_request(self.request(Method::POST, target), body)?).await?;
        decode(&collect(response).await?)
    }

    /// Whether the object of the route exists: 204 and 404.
    pub(crate) async fn exists(&self, target: &Target) -> Result<bool> {
        match self.call(Method::GET, target).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A request whose answer is a stream of JSON values, one a line.
    pub(crate) async fn json_lines(&self, request: Request<Body>) -> Result<ValueStream<Value>> {
        let response = self.answer(request).await?;
        let reader = tokio_util::io::StreamReader::new(bytes_of(response).map_err(std::io::Error::other));
        let codec = tokio_util::codec::LinesCodec::new_with_max_length(LONGEST_LINE);
        let lines = tokio_util::codec::FramedRead::new(reader, codec);
        Ok(Box::pin(lines.filter_map(|line| async move {
            match line {
                Ok(line) if line.trim().is_empty() => None,
                Ok(line) => Some(serde_json::from_str(&line).map_err(|error| malformed(&error))),
                Err(error) => Some(Err(Error::from_chain(ErrorKind::Unavailable, &error))),
            }
        })))
    }

    /// Asks to take the connection over, and gives it.
    pub(crate) async fn hijack(&self, target: &Target, body: Option<Value>) -> Result<Hijacked> {
        let builder = self
            .request(Method::POST, target)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "tcp");
        let request = match body {
            Some(body) => json_request(builder, &body)?,
            None => build(builder, empty())?,
        };
        let response = self.answer(request).await?;
        let upgraded = hyper::upgrade::on(response)
            .await
            .map_err(|error| Error::from_chain(ErrorKind::Unavailable, &error).context("attach"))?;
        Ok(TokioIo::new(upgraded))
    }
}

/// A connection that was taken over.
pub(crate) type Hijacked = TokioIo<hyper::upgrade::Upgraded>;

impl Engine for Client {
    fn containers(&self) -> &dyn Containers {
        self
    }
    fn execs(&self) -> &dyn Execs {
        self
    }
    fn images(&self) -> &dyn Images {
        self
    }
    fn networks(&self) -> &dyn Networks {
        self
    }
    fn system(&self) -> &dyn System {
        self
    }
    fn volumes(&self) -> &dyn Volumes {
        self
    }
}

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// An empty body.
pub(crate) fn empty() -> Body {
    Full::new(Bytes::new()).map_err(|never| match never {}).boxed()
}

/// A body of bytes as they come.
pub(crate) fn streamed(bytes: cove_api::ByteStream) -> Body {
    // The body type must be Sync, which a boxed stream is not; a channel of one piece in between is.
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        let mut bytes = bytes;
        while let Some(piece) = bytes.next().await {
            if sender.send(piece).await.is_err() {
                break;
            }
        }
    });
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece.map(Frame::data), receiver))
    });
    http_body_util::BodyExt::boxed(StreamBody::new(pieces))
}

pub(crate) fn build(builder: http::request::Builder, body: Body) -> Result<Request<Body>> {
    builder.body(body).map_err(|error| Error::from_chain(ErrorKind::InvalidArgument, &error))
}

pub(crate) fn json_request(
    builder: http::request::Builder,
    body: &impl serde::Serialize,
) -> Result<Request<Body>> {
    let text = serde_json::to_vec(body).map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
    let builder = builder.header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    build(builder, Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed())
}

/// The body of an answer, bounded.
pub(crate) async fn collect(response: Response<Incoming>) -> Result<Bytes> {
    let body = http_body_util::Limited::new(response.into_body(), LONGEST_ANSWER);
    match body.collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => {
            Err(Error::new(ErrorKind::Unavailable, format!("the service's answer broke off: {error}")))
        }
    }
}

/// The body of an answer in pieces.
pub(crate) fn bytes_of(response: Response<Incoming>) -> cove_api::ByteStream {
    Box::pin(http_body_util::BodyStream::new(response.into_body()).filter_map(|frame| async move {
        match frame {
            Ok(frame) => frame.into_data().ok().map(Ok),
            Err(error) => Some(Err(Error::from_chain(ErrorKind::Unavailable, &error))),
        }
    }))
}

/// JSON without its nulls, which Go services write for empty lists and maps.
pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let mut value: Value = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
    drop_nulls(&mut value);
    serde_json::from_value(value).map_err(|error| malformed(&error))
}

pub(crate) fn malformed(error: &serde_json::Error) -> Error {
    Error::internal(format!("the service sent JSON that cannot be understood: {error}"))
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The error of an answer: our own kind where the service sends one, else what the status means.
pub(crate) fn decode_error(status: u16, body: &[u8]) -> Error {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = match value["message"].as_str() {
        Some(message) if !message.is_empty() => message.to_owned(),
        _ if !body.is_empty() => String::from_utf8_lossy(&body[..body.len().min(2000)]).trim().to_owned(),
        _ => format!("the service answered with status {status}"),
    };
    let kind =
        serde_json::from_value(value["kind"].clone()).unwrap_or_else(|_| ErrorKind::from_http_status(status));
    // More than one line only where the service meant it so: the further ones are indented.
    let mut lines = message.lines();
    Error::new(kind, lines.next().unwrap_or_default()).with_lines(lines.map(str::trim_start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_are_defaults() {
        let image: cove_api::ImageSummary = decode(br#"{"Id":"a","RepoTags":null,"Labels":null}"#).unwrap();
        assert_eq!((image.id.as_str(), image.repo_tags.len()), ("a", 0));
    }

    #[test]
    fn errors_keep_kind_and_text() {
        let error = decode_error(500, br#"{"message":"x: not there","kind":"CommandNotFound"}"#);
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::CommandNotFound, "x: not there"));
        assert_eq!(decode_error(404, b"plain").kind, ErrorKind::NotFound);
        assert_eq!(decode_error(502, b"").message, "the service answered with status 502");
    }
}
