//! Connections, requests and answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use cove_api::endpoint::{Outgoing, Remote, TakenOver, Transport};
use cove_api::{
    Artifacts, ByteStream, Containers, Credentials, Engine, Error, ErrorKind, Execs, Files, Images, Kube,
    Manifests, Networks, Pods, Quadlets, Result, Secrets, System, Units, Volumes, WorkingContainers,
};
use futures_util::StreamExt as _;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;

use crate::heard::Heard;
use crate::{Address, Connect};

type Body = BoxBody<Bytes, Error>;

/// A service, seen as an engine.
#[derive(Debug, Clone)]
pub struct Client {
    remote: Remote<Http>,
}

impl Client {
    /// A client of the service at `address`; nothing is connected yet.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self::over(Arc::new(address))
    }

    /// A client of the service that `way` leads to.
    #[must_use]
    pub fn over(way: Arc<dyn Connect>) -> Self {
        Self { remote: Remote(Http { way, credentials: None }) }
    }

    /// The same with the credentials of its user, which go along where registries are asked.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Arc<dyn UserCredentials>) -> Self {
        self.remote.0.credentials = Some(credentials);
        self
    }
}

impl Engine for Client {
    fn artifacts(&self) -> &dyn Artifacts {
        &self.remote
    }
    fn containers(&self) -> &dyn Containers {
        &self.remote
    }
    fn execs(&self) -> &dyn Execs {
        &self.remote
    }
    fn files(&self) -> &dyn Files {
        &self.remote
    }
    fn images(&self) -> &dyn Images {
        &self.remote
    }
    fn kube(&self) -> &dyn Kube {
        &self.remote
    }
    fn manifests(&self) -> &dyn Manifests {
        &self.remote
    }
    fn networks(&self) -> &dyn Networks {
        &self.remote
    }
    fn quadlets(&self) -> &dyn Quadlets {
        &self.remote
    }
    fn secrets(&self) -> &dyn Secrets {
        &self.remote
    }
    fn pods(&self) -> &dyn Pods {
        &self.remote
    }
    fn system(&self) -> &dyn System {
        &self.remote
    }
    fn units(&self) -> &dyn Units {
        &self.remote
    }
    fn volumes(&self) -> &dyn Volumes {
        &self.remote
    }
    fn working(&self) -> &dyn WorkingContainers {
        &self.remote
    }
}

/// Requests over HTTP/1.1, each on a connection of its own.
#[derive(Debug, Clone)]
struct Http {
    way: Arc<dyn Connect>,
    credentials: Option<Arc<dyn UserCredentials>>,
}

/// Finds the credentials that a user has for registries.
pub trait UserCredentials: Send + Sync + std::fmt::Debug {
    /// All by the registries' names, of `file` or, without one, of the usual places. Called on a blocking thread.
    ///
    /// # Errors
    /// They cannot be read.
    fn all(&self, file: Option<&str>) -> Result<BTreeMap<String, Credentials>>;
}

impl Http {
    fn unreachable(&self, error: &dyn std::error::Error) -> Error {
        Error::from_chain(ErrorKind::Unavailable, error)
            .context(format!("cannot connect to the Cove service at {}", self.way))
    }

    /// Sends a request and gives the answer with its body unread.
    async fn answer(&self, request: Request<Outgoing>) -> Result<Response<Incoming>> {
        let mut request = request.map(body_of);
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("d"));
        let connection = self.way.connect().await.map_err(|error| self.unreachable(&error))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(Heard::new(connection)))
                .await
                .map_err(|error| self.unreachable(&error))?;
        // Ends with the answer's body, or goes over to the upgraded stream.
        tokio::spawn(connection.with_upgrades());
        let response = sender.send_request(request).await;
        response.map_err(|error| {
            Error::from_chain(ErrorKind::Unavailable, &error).context(format!("the service at {}", self.way))
        })
    }
}

impl Transport for Http {
    async fn credentials(&self, file: Option<String>) -> Result<BTreeMap<String, Credentials>> {
        match (self.credentials.clone(), file) {
            (Some(credentials), file) => {
                let found = tokio::task::spawn_blocking(move || credentials.all(file.as_deref()));
                found.await.map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?
            }
            (None, None) => Ok(BTreeMap::new()),
            (None, Some(_)) => Err(Error::unsupported("--authfile: this client has no credentials")),
        }
    }
    async fn send(&self, request: Request<Outgoing>) -> Result<Response<ByteStream>> {
        Ok(self.answer(request).await?.map(pieces_of))
    }

    async fn take_over(&self, mut request: Request<Outgoing>) -> Result<TakenOver> {
        request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        request.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("tcp"));
        let response = self.answer(request).await?;
        if response.status().as_u16() >= 400 {
            return Ok(TakenOver::Refused(response.map(pieces_of)));
        }
        let upgraded = hyper::upgrade::on(response)
            .await
            .map_err(|error| Error::from_chain(ErrorKind::Unavailable, &error).context("attach"))?;
        Ok(TakenOver::Connection(Box::new(TokioIo::new(upgraded))))
    }
}

fn body_of(outgoing: Outgoing) -> Body {
    let whole = |bytes: Bytes| Full::new(bytes).map_err(|never| match never {}).boxed();
    match outgoing {
        Outgoing::Empty => whole(Bytes::new()),
        Outgoing::Json(text) | Outgoing::Blob(text) => whole(text),
        Outgoing::Data(bytes) | Outgoing::Archive(bytes) => streamed(bytes),
    }
}

/// A body of bytes as they come.
fn streamed(bytes: ByteStream) -> Body {
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

/// The body of an answer in pieces.
fn pieces_of(body: Incoming) -> ByteStream {
    Box::pin(http_body_util::BodyStream::new(body).filter_map(|frame| async move {
        match frame {
            Ok(frame) => frame.into_data().ok().map(Ok),
            Err(error) => Some(Err(Error::from_chain(ErrorKind::Unavailable, &error))),
        }
    }))
}
