//! The answers of endpoints: how each form is sent and read.

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use http::{HeaderValue, Response, StatusCode, header};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::codec::{FramedRead, LinesCodec};
use tokio_util::io::StreamReader;

use super::body::{Archive, Json, TAR, collect, to_json};
use super::frames::{FRAMED, RAW, frame, framed, log_bytes, split_log_line};
use crate::{AttachStream, ByteStream, Error, ErrorKind, LogLine, Result, ValueStream};

/// Longest JSON answer; a list of a hundred thousand containers fits.
const LONGEST_ANSWER: usize = 256 << 20;
/// Longest line of a stream of JSON values.
const LONGEST_LINE: usize = 4 << 20;

/// What an answer may depend on besides its value.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The status of success that was declared.
    pub status: StatusCode,
    /// The version of the API that the client named, such as `5.0.0`.
    pub version: Option<String>,
}

impl Asked {
    /// Whether a client of Podman 4 asks, for which a few fields have other forms.
    #[must_use]
    pub(crate) fn by_podman_4(&self) -> bool {
        self.version.as_deref().is_some_and(|version| version.starts_with("4."))
    }
}

/// What goes back to the client.
pub enum Reply {
    /// Head and body.
    Message(Response<ByteStream>),
    /// The connection becomes the streams of a process.
    Attach(Attached),
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Message(response) => formatter.debug_tuple("Message").field(&response.status()).finish(),
            Self::Attach(attached) => formatter.debug_tuple("Attach").field(attached).finish(),
        }
    }
}

/// An answer's media type and schema, as the API's document shows them.
#[derive(Debug)]
pub struct Described {
    /// Nothing where the answer has no body.
    pub content: Option<(&'static str, Schema)>,
}

/// Something an endpoint answers with.
pub trait Answer: Sized + Send + 'static {
    /// Its form in HTTP.
    ///
    /// # Errors
    /// The first piece of a stream is an error, or the value has no form in JSON.
    fn reply(self, asked: &Asked) -> impl Future<Output = Result<Reply>> + Send;
    /// Its form in the document.
    fn describe(schemas: &mut SchemaGenerator) -> Described;
}

/// An answer as the client reads it.
pub trait Received: Answer {
    /// Whether an answer with this status is one of these, and not an error.
    #[must_use]
    fn accepts(status: StatusCode) -> bool {
        status.as_u16() < 400
    }
    /// Reads it.
    ///
    /// # Errors
    /// It breaks off, is too long, or cannot be understood.
    fn receive(response: Response<ByteStream>) -> impl Future<Output = Result<Self>> + Send;
}

/// A message with a body of one piece.
pub(super) fn whole(status: StatusCode, content_type: &'static str, text: Bytes) -> Reply {
    let body: ByteStream = Box::pin(futures_util::stream::iter([Ok(text)]));
    pieces(status, content_type, body)
}

/// A message whose body comes in pieces. An error in the middle cuts it off, which the client notices.
fn pieces(status: StatusCode, content_type: &'static str, body: ByteStream) -> Reply {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Reply::Message(response)
}

/// The same, where the first piece decides between an answer and an error.
pub(super) async fn started(
    status: StatusCode,
    content_type: &'static str,
    mut body: ByteStream,
) -> Result<Reply> {
    let first = match body.next().await {
        Some(Err(error)) => return Err(error),
        first => first,
    };
    Ok(pieces(status, content_type, Box::pin(futures_util::stream::iter(first).chain(body))))
}

/// Media type of JSON.
pub(super) const JSON: &str = "application/json";

/// A message of plain text.
pub(super) fn text(status: StatusCode, text: Bytes) -> Reply {
    whole(status, "text/plain; charset=utf-8", text)
}

/// Nothing but the status.
impl Answer for () {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        let body: ByteStream = Box::pin(futures_util::stream::empty());
        let mut response = Response::new(body);
        *response.status_mut() = asked.status;
        Ok(Reply::Message(response))
    }
    fn describe(_: &mut SchemaGenerator) -> Described {
        Described { content: None }
    }
}

impl Received for () {
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        read_whole(response).await.map(drop)
    }
}

impl<T: Serialize + DeserializeOwned + JsonSchema + Send + 'static> Answer for Json<T> {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        Ok(whole(asked.status, JSON, to_json(&self.0)?))
    }
    fn describe(schemas: &mut SchemaGenerator) -> Described {
        Described { content: Some((JSON, schemas.subschema_for::<T>())) }
    }
}

impl<T: Serialize + DeserializeOwned + JsonSchema + Send + 'static> Received for Json<T> {
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        read_json(&read_whole(response).await?).map(Self)
    }
}

/// Whether an object exists: 204, or 404 with a body that says what is missing.
#[derive(Debug)]
pub struct Exists {
    /// The answer.
    pub found: bool,
    /// What the body of a 404 says.
    pub missing: String,
}

impl Exists {
    /// The answer about a `kind` of object by its `name`.
    #[must_use]
    pub fn new(found: bool, kind: &str, name: &str) -> Self {
        Self { found, missing: format!("no {kind} with name or ID {name:?} found") }
    }
}

impl Answer for Exists {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        if self.found { ().reply(asked).await } else { Err(Error::not_found(self.missing)) }
    }
    fn describe(_: &mut SchemaGenerator) -> Described {
        Described { content: None }
    }
}

impl Received for Exists {
    fn accepts(status: StatusCode) -> bool {
        status.as_u16() < 400 || status == StatusCode::NOT_FOUND
    }
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        let found = response.status() != StatusCode::NOT_FOUND;
        read_whole(response).await?;
        Ok(Self { found, missing: String::new() })
    }
}

/// A number as plain text: an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(pub i32);

impl Answer for Code {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        Ok(text(asked.status, self.0.to_string().into()))
    }
    fn describe(schemas: &mut SchemaGenerator) -> Described {
        Described { content: Some(("text/plain", schemas.subschema_for::<i32>())) }
    }
}

impl Received for Code {
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        let body = read_whole(response).await?;
        let text = String::from_utf8_lossy(&body);
        match text.trim().parse() {
            Ok(code) => Ok(Self(code)),
            Err(_) => {
                Err(Error::internal(format!("the service answered {:?} in place of a number", text.trim())))
            }
        }
    }
}

impl Answer for Archive {
    /// The first piece decides between an answer and an error.
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        started(asked.status, TAR, self.0).await
    }
    fn describe(_: &mut SchemaGenerator) -> Described {
        Described { content: Some((TAR, Schema::default())) }
    }
}

impl Received for Archive {
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        Ok(Self(response.into_body()))
    }
}

/// Lines of a log, in frames.
pub struct Log {
    /// The lines.
    pub lines: ValueStream<LogLine>,
    /// Whether each is sent with its time.
    pub timestamps: bool,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Log").field("timestamps", &self.timestamps).finish_non_exhaustive()
    }
}

impl Answer for Log {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        let Self { lines, timestamps } = self;
        let frames = lines.map_ok(move |line| frame(line.stream, &log_bytes(&line, timestamps)));
        Ok(pieces(asked.status, FRAMED, Box::pin(frames)))
    }
    fn describe(_: &mut SchemaGenerator) -> Described {
        Described { content: Some((FRAMED, Schema::default())) }
    }
}

/// The client always asks for times.
impl Received for Log {
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        let reader = StreamReader::new(response.into_body().map_err(std::io::Error::other));
        let lines = framed(reader).map(|chunk| {
            let chunk = chunk?;
            let (time, data, partial) = split_log_line(&chunk.data)?;
            Ok(LogLine { time, stream: chunk.stream, data, partial })
        });
        Ok(Self { lines: Box::pin(lines), timestamps: true })
    }
}

/// The streams of a process, on the connection itself.
#[derive(Debug)]
pub struct Attached {
    /// The streams.
    pub stream: AttachStream,
    /// Whether it has a terminal, whose output goes without frames.
    pub terminal: bool,
}

impl Answer for Attached {
    async fn reply(self, _: &Asked) -> Result<Reply> {
        Ok(Reply::Attach(self))
    }
    fn describe(_: &mut SchemaGenerator) -> Described {
        Described { content: Some((RAW, Schema::default())) }
    }
}

/// Streams, or nothing where they were not asked for.
impl Answer for Option<Attached> {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        match self {
            Some(attached) => attached.reply(asked).await,
            None => ().reply(asked).await,
        }
    }
    fn describe(schemas: &mut SchemaGenerator) -> Described {
        Attached::describe(schemas)
    }
}

/// What was detached has no streams to receive.
impl Received for Option<Attached> {
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        read_whole(response).await?;
        Ok(None)
    }
}

/// JSON values, one a line, as they come.
pub fn json_lines<T: Serialize>(values: impl Stream<Item = Result<T>> + Send + 'static) -> ByteStream {
    Box::pin(values.map(|value| {
        let mut line =
            serde_json::to_vec(&value?).map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
        line.push(b'\n');
        Ok(line.into())
    }))
}

/// An answer of [`json_lines`].
pub(super) fn lines<T: Serialize>(
    asked: &Asked,
    values: impl Stream<Item = Result<T>> + Send + 'static,
) -> Reply {
    pieces(asked.status, JSON, json_lines(values))
}

/// Reads an answer of JSON values, one a line.
pub(super) fn read_json_lines<T: DeserializeOwned + Send + 'static>(
    response: Response<ByteStream>,
) -> ValueStream<T> {
    read_lines(response, LONGEST_LINE)
}

/// The same of values that are as long as whole answers.
pub(super) fn read_long_json_lines<T: DeserializeOwned + Send + 'static>(
    response: Response<ByteStream>,
) -> ValueStream<T> {
    read_lines(response, LONGEST_ANSWER)
}

fn read_lines<T: DeserializeOwned + Send + 'static>(
    response: Response<ByteStream>,
    longest: usize,
) -> ValueStream<T> {
    let reader = StreamReader::new(response.into_body().map_err(std::io::Error::other));
    let lines = FramedRead::new(reader, LinesCodec::new_with_max_length(longest));
    Box::pin(lines.filter_map(|line| async move {
        match line {
            Ok(line) if line.trim().is_empty() => None,
            Ok(line) => Some(read_json(line.as_bytes())),
            Err(error) => Some(Err(Error::from_chain(ErrorKind::Unavailable, &error))),
        }
    }))
}

/// The body of an answer, bounded.
pub(super) async fn read_whole(response: Response<ByteStream>) -> Result<Bytes> {
    collect(&mut response.into_body(), LONGEST_ANSWER).await.map_err(|error| {
        Error::new(ErrorKind::Unavailable, format!("the service's answer broke off: {error}"))
    })
}

/// JSON as services write it: null for what is empty, and fields that we do not know.
pub(super) fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let malformed = |error: serde_json::Error| {
        Error::internal(format!("the service sent JSON that cannot be understood: {error}"))
    };
    let mut value: Value = serde_json::from_slice(body).map_err(malformed)?;
    drop_nulls(&mut value);
    serde_json::from_value(value).map_err(malformed)
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
pub(super) fn read_error(status: StatusCode, body: &[u8]) -> Error {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = match value["message"].as_str() {
        Some(message) if !message.is_empty() => message.to_owned(),
        _ if !body.is_empty() => String::from_utf8_lossy(&body[..body.len().min(2000)]).trim().to_owned(),
        _ => format!("the service answered with status {}", status.as_u16()),
    };
    let kind = serde_json::from_value(value["kind"].clone())
        .unwrap_or_else(|_| ErrorKind::from_http_status(status.as_u16()));
    Error::new(kind, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_are_defaults() {
        let image: crate::ImageSummary = read_json(br#"{"Id":"a","RepoTags":null,"Labels":null}"#).unwrap();
        assert_eq!((image.id.as_str(), image.repo_tags.len()), ("a", 0));
    }

    #[test]
    fn errors_keep_kind_and_text() {
        let status = |code| StatusCode::from_u16(code).unwrap();
        let error = read_error(status(500), br#"{"message":"x: not there","kind":"CommandNotFound"}"#);
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::CommandNotFound, "x: not there"));
        assert_eq!(read_error(status(404), b"plain").kind, ErrorKind::NotFound);
        assert_eq!(read_error(status(502), b"").message, "the service answered with status 502");
    }
}
