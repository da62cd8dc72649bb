//! Requests to a cluster, each on a connection of its own.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::access::Access;
use crate::error::{ClusterError, Result};

/// Longest answer, in bytes.
const MAX_ANSWER: usize = 16 << 20;
/// How long it may take to be connected.
const CONNECT: Duration = Duration::from_secs(30);
/// How long an answer may take, which admission programs of the cluster may delay by half a minute each.
const ANSWER: Duration = Duration::from_secs(120);

/// A cluster, whose API is asked.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(crate) access: Access,
}

/// An answer: its status, and its JSON.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Cluster {
    /// That cluster; nothing is connected yet.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self { access }
    }

    /// Asks for something and reads the answer; `what` is said where the cluster refuses.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Bytes)>,
        what: impl Fn() -> String,
    ) -> Result<Answered> {
        let asked = tokio::time::timeout(ANSWER, self.exchange(method, path, body)).await;
        let (status, body) = asked
            .unwrap_or_else(|_| Err(format!("there is no answer within {} seconds", ANSWER.as_secs())))
            .map_err(|message| self.unreachable(message))?;
        let json = serde_json::from_slice::<Value>(&body);
        if status.is_success() {
            return match json {
                Ok(body) => Ok(Answered { status, body }),
                Err(error) => Err(self.unreachable(format!("{}: its answer is no JSON: {error}", what()))),
            };
        }
        Err(refused(what(), status, json.unwrap_or_default(), &body))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Bytes)>,
    ) -> Result<(StatusCode, Bytes), String> {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = method;
        let target = format!("{}{path}", self.access.base);
        *request.uri_mut() = target.parse().map_err(|_| format!("{target:?} is no target of a request"))?;
        let headers = request.headers_mut();
        let host = HeaderValue::try_from(&self.access.authority).map_err(|error| error.to_string())?;
        headers.insert(header::HOST, host);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("cove/", env!("CARGO_PKG_VERSION"))),
        );
        if let Some(authorization) = &self.access.authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        if let Some((media_type, data)) = body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
            *request.body_mut() = Full::new(data);
        }
        let connected = tokio::time::timeout(CONNECT, self.connect()).await;
        let stream = connected
            .unwrap_or_else(|_| Err(format!("no connection within {} seconds", CONNECT.as_secs())))?;
        let response = send(stream, request).await?;
        let status = response.status();
        if status.is_redirection() {
            return Err(format!("it answers with {status}, which is not followed"));
        }
        let body =
            Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(|error| {
                match error.downcast_ref::<LengthLimitError>() {
                    Some(_) => format!("its answer has more than {MAX_ANSWER} bytes"),
                    None => chain(error.as_ref()),
                }
            })?;
        Ok((status, body.to_bytes()))
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, String> {
        let access = &self.access;
        let stream =
            TcpStream::connect((access.host.as_str(), access.port)).await.map_err(|error| chain(&error))?;
        match &access.tls {
            None => Ok(Box::new(stream)),
            Some((config, name)) => {
                let connector = TlsConnector::from(config.clone());
                Ok(Box::new(connector.connect(name.clone(), stream).await.map_err(|error| chain(&error))?))
            }
        }
    }

    pub(crate) fn unreachable(&self, message: String) -> ClusterError {
        ClusterError::Unreachable { server: self.access.server.clone(), message }
    }
}

/// Both directions of a connection.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn send(stream: Box<dyn Stream>, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, String> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| chain(&error))?;
    // Ends with the answer's body.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(|error| chain(&error))
}

/// What a cluster says with an answer that is no success: a Status, or whatever stands before it.
fn refused(what: String, status: StatusCode, body: Value, text: &[u8]) -> ClusterError {
    let field = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let is_status = field("kind") == "Status";
    let message = match field("message") {
        message if is_status && !message.is_empty() => message.to_owned(),
        _ => {
            let text = String::from_utf8_lossy(&text[..text.len().min(500)]);
            format!("{status}: {}", text.trim())
        }
    };
    let reason = if is_status { field("reason").to_owned() } else { String::new() };
    ClusterError::Refused { what, message, reason, status: status.as_u16() }
}

/// An error with what caused it.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    cove_api::Error::from_chain(cove_api::ErrorKind::Unavailable, error).message
}
