//! The client's end: the traits over any way to send a request.

use std::collections::BTreeMap;

use http::{HeaderMap, Request, Response, StatusCode, header};
use tokio::io::{AsyncRead, AsyncWrite};

use super::answer::{Answer, Attached, Received, read_error, read_whole};
use super::body::{Body, Outgoing};
use super::declare::{Endpoint, PathParameters, fill};
use super::frames::{broken, framed};
use super::parameters::Parameters;
use crate::{AttachStream, ByteStream, Credentials, Error, ErrorKind, OutputChunk, OutputStream, Result};
use futures_util::StreamExt as _;

/// Before every path: the version of the API that the types here are of.
const VERSION: &str = "/v5.0.0";

/// Both directions of a connection.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// What an answer to a request for the connection itself is.
pub enum TakenOver {
    /// The connection.
    Connection(Box<dyn Duplex>),
    /// An answer with an error.
    Refused(Response<ByteStream>),
}

impl std::fmt::Debug for TakenOver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Connection(_) => "Connection",
            Self::Refused(_) => "Refused",
        })
    }
}

/// A way to a service.
pub trait Transport: Send + Sync {
    /// Sends a request and gives the answer, whatever its status.
    fn send(&self, request: Request<Outgoing>) -> impl Future<Output = Result<Response<ByteStream>>> + Send;
    /// Sends a request and gives the connection.
    fn take_over(&self, request: Request<Outgoing>) -> impl Future<Output = Result<TakenOver>> + Send;
    /// The user's credentials for registries by their names, from `file` or, without one, from the usual places.
    ///
    /// # Errors
    /// They cannot be read; by default that there are no files here.
    fn credentials(
        &self,
        file: Option<String>,
    ) -> impl Future<Output = Result<BTreeMap<String, Credentials>>> + Send {
        let found = match file {
            None => Ok(BTreeMap::new()),
            Some(_) => Err(Error::unsupported("--authfile: this client reads no files")),
        };
        std::future::ready(found)
    }
}

/// An engine behind a service.
#[derive(Debug, Clone)]
pub struct Remote<T>(pub T);

impl<T: Transport> Remote<T> {
    /// Calls an endpoint.
    pub(super) async fn call<P, Q, B, A>(
        &self,
        endpoint: Endpoint<P, Q, B, A>,
        path: impl Into<P>,
        parameters: Q,
        body: B,
    ) -> Result<A>
    where
        P: PathParameters,
        Q: Parameters,
        B: Body,
        A: Received,
    {
        let response = self.0.send(request(endpoint, path.into(), parameters, body)?).await?;
        let status = response.status();
        if A::accepts(status) { A::receive(response).await } else { Err(error(response).await) }
    }

    /// Calls an endpoint whose answer is the connection. `terminal` says that the process has a terminal, whose output
    /// comes without frames; `input` that its input is wanted.
    pub(super) async fn attach<P, Q, B, A>(
        &self,
        endpoint: Endpoint<P, Q, B, A>,
        path: impl Into<P>,
        parameters: Q,
        body: B,
        (terminal, input): (bool, bool),
    ) -> Result<AttachStream>
    where
        P: PathParameters,
        Q: Parameters,
        B: Body,
        A: Answer + From<Attached>,
    {
        let request = request(endpoint, path.into(), parameters, body)?;
        match self.0.take_over(request).await? {
            TakenOver::Connection(connection) => Ok(attach_stream(connection, terminal, input)),
            TakenOver::Refused(response) => Err(error(response).await),
        }
    }
}

async fn error(response: Response<ByteStream>) -> Error {
    let status = response.status();
    let server = response.headers().get(header::SERVER).map(http::HeaderValue::as_bytes).unwrap_or_default();
    if status == StatusCode::NOT_FOUND && server.starts_with(b"Docker/") {
        return Error::unsupported(
            "the service is Docker's daemon, which does not speak libpod's API as services of Cove and Podman do",
        );
    }
    let body = read_whole(response).await.unwrap_or_default();
    read_error(status, &body)
}

fn request<P: PathParameters, Q: Parameters, B: Body, A>(
    endpoint: Endpoint<P, Q, B, A>,
    path: P,
    parameters: Q,
    body: B,
) -> Result<Request<Outgoing>> {
    let mut target = format!("{VERSION}{}{}", endpoint.family.prefix(), fill(endpoint.path, &path.parts()));
    let (mut query, mut headers) = (String::new(), HeaderMap::new());
    parameters.write(&mut query, &mut headers)?;
    if !query.is_empty() {
        target.push('?');
        target.push_str(&query);
    }
    let body = body.write()?;
    let content_type = match &body {
        Outgoing::Empty => None,
        Outgoing::Json(_) => Some("application/json"),
        Outgoing::Blob(_) | Outgoing::Data(_) => Some(super::body::BLOB),
        Outgoing::Archive(_) => Some(super::body::TAR),
    };
    let mut request = Request::new(body);
    *request.method_mut() = endpoint.verb.method();
    *request.uri_mut() =
        target.parse().map_err(|error| Error::from_chain(ErrorKind::InvalidArgument, &error))?;
    *request.headers_mut() = headers;
    if let Some(content_type) = content_type
        && !request.headers().contains_key(header::CONTENT_TYPE)
    {
        request.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    }
    Ok(request)
}

/// Takes the two directions of a connection apart.
fn attach_stream(connection: Box<dyn Duplex>, terminal: bool, with_input: bool) -> AttachStream {
    let (reader, writer) = tokio::io::split(connection);
    let output = if terminal {
        Box::pin(tokio_util::io::ReaderStream::new(reader).map(|piece| match piece {
            Ok(data) => Ok(OutputChunk { stream: OutputStream::Stdout, data }),
            Err(error) => Err(broken(&error)),
        }))
    } else {
        framed(reader)
    };
    // Dropping our half of a split stream does not shut the connection down, so the caller decides about input.
    AttachStream { input: with_input.then(|| Box::pin(writer) as _), output }
}
