//! The two connections of a client.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use cove_api::Engine;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tonic::Status;

use crate::bridge::BUILD;
use crate::builds::Builds;
use crate::grpc::{Answer, Call, Channel, streamed, unary, unimplemented};
use crate::messages::{Empty, StatusResponse};
use crate::session::SessionHeaders;
use crate::work::Workshop;

/// Most calls at a time of one connection.
const MAX_CALLS: u32 = 128;
/// Largest headers of a call, in bytes.
const MAX_HEADERS: u32 = 64 << 10;
/// Bytes that a stream of a client's files may be ahead of us.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same for all streams of a connection.
const CONNECTION_WINDOW: u32 = 4 << 20;
/// Pause between looks at whether a silent client is still there.
const PROBE: Duration = Duration::from_secs(20);

/// BuildKit's API over an engine.
#[derive(Clone)]
pub struct BuildKit(Arc<Daemon>);

/// What all connections share.
pub(crate) struct Daemon {
    pub(crate) workshop: Workshop,
    pub(crate) builds: Builds,
}

impl BuildKit {
    /// Over an engine; nothing is opened before there is a build.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>) -> Self {
        Self(Arc::new(Daemon { workshop: Workshop::new(engine), builds: Builds::new() }))
    }

    /// Answers the calls of a client, up to the end of the connection. Builds of a client that goes are given up.
    pub async fn grpc(&self, connection: impl Read + Write + Send + Unpin + 'static) {
        let daemon = Arc::clone(&self.0);
        let service = hyper::service::service_fn(move |call: Call| {
            let daemon = Arc::clone(&daemon);
            async move { Ok::<_, Infallible>(daemon.answer(call).await) }
        });
        let mut server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        server
            .timer(TokioTimer::new())
            .keep_alive_interval(PROBE)
            .keep_alive_timeout(PROBE)
            .max_concurrent_streams(MAX_CALLS)
            .max_header_list_size(MAX_HEADERS);
        if let Err(error) = server.serve_connection(connection, service).await {
            tracing::debug!(%error, "a connection of a builder's client");
        }
    }

    /// Takes a session, up to the end of the connection.
    pub async fn session(
        &self,
        connection: impl Read + Write + Send + Unpin + 'static,
        headers: SessionHeaders,
    ) {
        let mut client = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        client
            .timer(TokioTimer::new())
            .keep_alive_interval(PROBE)
            .keep_alive_timeout(PROBE)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEADERS);
        let (sender, connection) = match client.handshake(connection).await {
            Ok(both) => both,
            Err(error) => {
                tracing::debug!(%error, "a session that did not begin");
                return;
            }
        };
        match self.0.workshop.sessions.enter(Channel::new(sender), headers) {
            Ok(_entered) => {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a session");
                }
            }
            Err(status) => tracing::warn!("a session was refused: {}", status.message()),
        }
    }
}

impl std::fmt::Debug for BuildKit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BuildKit").finish_non_exhaustive()
    }
}

impl Daemon {
    async fn answer(self: Arc<Self>, call: http::Request<Incoming>) -> Answer {
        const CONTROL: &str = "/moby.buildkit.v1.Control/";
        const BRIDGE: &str = "/moby.buildkit.v1.frontend.LLBBridge/";
        let path = call.uri().path().to_owned();
        if let Some(method) = path.strip_prefix(CONTROL) {
            return match method {
                "Solve" => unary(call, |request| async move { self.solve(request).await }).await,
                "Status" => {
                    let follow = |request| async move { self.status(request).await };
                    streamed::<_, StatusResponse, _>(call, follow).await
                }
                "ListWorkers" => unary(call, |_: Empty| async move { self.workers().await }).await,
                "DiskUsage" => unary(call, |request| async move { self.usage(request).await }).await,
                "Prune" => streamed(call, |request| async move { self.prune(request).await }).await,
                "Info" => unary(call, |request| async move { self.info(request).await }).await,
                _ => unimplemented(&path),
            };
        }
        let build = call.headers().get(BUILD).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
        match path.strip_prefix(BRIDGE) {
            Some("Ping") => unary(call, |request| async move { self.ping(request).await }).await,
            Some("Solve") => {
                unary(call, |request| async move { self.bridge_solve(&build, request).await }).await
            }
            Some("Return") => {
                unary(call, |request| async move { self.bridge_return(&build, request).await }).await
            }
            // What was built is whole.
            Some("Evaluate") => unary(call, |_: Empty| async move { Ok::<_, Status>(Empty {}) }).await,
            _ if path == "/grpc.health.v1.Health/Check" => unary(call, healthy).await,
            _ => unimplemented(&path),
        }
    }
}

/// An answer that says that all is well.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
struct Health {
    /// 1 is well.
    #[prost(int32, tag = "1")]
    status: i32,
}

async fn healthy(_: Empty) -> Result<Health, Status> {
    Ok(Health { status: 1 })
}
