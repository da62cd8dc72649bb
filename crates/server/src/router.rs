//! All routes, and what every request passes first.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router};
use cove_api::{Engine, Error, ErrorKind};
use cove_buildkit::BuildKit;
use tower::{Layer as _, ServiceExt as _, util::MapRequestLayer};

use crate::error::ApiError;
use crate::head::Refusal;
use crate::{DOCKER_API_VERSION, LIBPOD_API_VERSION, declared, docker, path};

/// The engine behind the routes.
pub(crate) type EngineState = Arc<dyn Engine>;

/// Longest answer of the framework's own that is turned into JSON, in bytes.
const LONGEST_REFUSAL: usize = 64 << 10;

/// The name of the engine's default network, which Docker's clients call `bridge`.
#[derive(Debug, Clone)]
pub(crate) struct DefaultNetwork(pub(crate) Arc<str>);

/// Which requests of web pages are taken.
#[derive(Debug, Clone)]
pub struct Guard {
    check_host: bool,
    allowed_origin: Option<HeaderValue>,
}

impl Guard {
    /// `check_host`: also refuse requests that name another host, as pages do whose name was rebound to this address.
    /// `allowed_origin`: where the pages come from whose requests are taken; `*` is anywhere.
    ///
    /// # Errors
    /// The origin cannot stand in a header.
    pub fn new(check_host: bool, allowed_origin: Option<&str>) -> Result<Self, Error> {
        let allowed_origin = allowed_origin
            .filter(|origin| !origin.is_empty())
            .map(|origin| {
                HeaderValue::from_str(origin)
                    .map_err(|_| Error::invalid(format!("{origin:?} cannot stand in a header")))
            })
            .transpose()?;
        Ok(Self { check_host, allowed_origin })
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        self.allowed_origin.as_ref().is_some_and(|allowed| allowed == "*" || allowed == origin)
    }
}

/// The headers that a page of another origin may send.
const PAGE_HEADERS: &str =
    "Origin, X-Requested-With, Content-Type, Accept, X-Registry-Auth, Connection, Upgrade, X-Registry-Config";
/// The methods that it may use.
const PAGE_METHODS: &str = "HEAD, GET, POST, DELETE, PUT, OPTIONS";

/// The service's routes over `engine`.
pub fn router(engine: Arc<dyn Engine>, default_network: &str, guarded: Guard) -> Router {
    let routes = Router::new()
        .merge(declared::router())
        .merge(docker::routes())
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::disable())
        .layer(Extension(DefaultNetwork(default_network.into())))
        .layer(Extension(BuildKit::new(Arc::clone(&engine))))
        .layer(middleware::from_fn(run))
        .layer(middleware::from_fn_with_state(guarded.clone(), guard))
        .layer(middleware::map_response(as_json))
        .layer(middleware::map_response(with_headers))
        .layer(middleware::map_response_with_state(guarded, with_origin))
        .with_state(engine);
    // Routing looks at the path after this.
    let normalised = MapRequestLayer::new(normalise).layer(routes);
    Router::new().fallback_service(normalised.map_response(|response: Response| response))
}

/// The version of the API in the path of a request.
#[derive(Debug, Clone)]
pub(crate) struct AskedVersion(pub(crate) Option<String>);

fn normalise(mut request: Request) -> Request {
    let version = path::version(request.uri().path()).map(str::to_owned);
    let mut text = path::normalise(request.uri().path());
    request.extensions_mut().insert(AskedVersion(version));
    if let Some(query) = request.uri().query() {
        text.push('?');
        text.push_str(query);
    }
    if let Ok(uri) = text.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
    request
}

/// What was refused by its head is answered here. A browser names the page's origin, and a page whose name was rebound to this address names its own host.
async fn guard(State(guarded): State<Guard>, request: Request, next: Next) -> Response {
    if let Some(Refusal { status, message }) = request.extensions().get() {
        let kind = match *status {
            StatusCode::REQUEST_TIMEOUT => ErrorKind::Timeout,
            StatusCode::NOT_IMPLEMENTED => ErrorKind::Unsupported,
            _ => ErrorKind::InvalidArgument,
        };
        return ApiError(Error::new(kind, message.as_str())).with_status(*status);
    }
    let headers = request.headers();
    let origins: Vec<_> = headers.get_all(header::ORIGIN).iter().collect();
    if !origins.iter().all(|origin| guarded.allows(origin))
        || (guarded.check_host && has_foreign_host(headers.get(header::HOST)))
    {
        let error = Error::new(ErrorKind::PermissionDenied, "requests from web pages are refused");
        return ApiError(error).into_response();
    }
    // What a browser asks before it sends a page's request; no route has this method.
    if !origins.is_empty() && request.method() == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    next.run(request).await
}

fn has_foreign_host(host: Option<&HeaderValue>) -> bool {
    let Some(host) = host.and_then(|host| host.to_str().ok()) else { return true };
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    !(name == "localhost" || name == "d" || name.parse::<std::net::IpAddr>().is_ok())
}

/// Runs the handler in a task of its own: a panic is an answer of 500, and what changes something runs to its end
/// even when the client has gone in the middle.
async fn run(request: Request, next: Next) -> Response {
    let reads =
        matches!(*request.method(), Method::GET | Method::HEAD) || request.uri().path().ends_with("/wait");
    let task = tokio::spawn(next.run(request));
    let _abort = reads.then(|| AbortOnDrop(task.abort_handle()));
    match task.await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a request's handler");
            ApiError(Error::internal("the service failed on this request: see its log")).into_response()
        }
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The framework's own refusals (a method or path that does not fit) are plain text; clients read JSON.
async fn as_json(response: Response) -> Response {
    let status = response.status();
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !(status.is_client_error() || status.is_server_error()) || is_json {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = axum::body::to_bytes(body, LONGEST_REFUSAL).await.unwrap_or_default();
    let text = match String::from_utf8_lossy(&text).trim() {
        "" => status.canonical_reason().unwrap_or("the request was refused").to_owned(),
        text => text.to_owned(),
    };
    let mut answer =
        ApiError(Error::new(ErrorKind::from_http_status(status.as_u16()), text)).with_status(status);
    if let Some(allow) = parts.headers.get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow.clone());
    }
    answer
}

async fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert("Api-Version", HeaderValue::from_static(DOCKER_API_VERSION));
    headers.insert("Libpod-Api-Version", HeaderValue::from_static(LIBPOD_API_VERSION));
    headers.insert("Docker-Experimental", HeaderValue::from_static("false"));
    headers.insert("Ostype", HeaderValue::from_static("linux"));
    headers.insert(header::SERVER, HeaderValue::from_static("Libpod/5.0.0 (linux) Cove"));
    response
}

/// Tells browsers what pages of the allowed origin may do, as Podman's service does.
async fn with_origin(State(guarded): State<Guard>, mut response: Response) -> Response {
    if let Some(origin) = guarded.allowed_origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(PAGE_HEADERS));
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(PAGE_METHODS));
    }
    response
}

async fn wrong_method(request: Request) -> Response {
    no_route(&request).with_status(StatusCode::METHOD_NOT_ALLOWED)
}

async fn not_found(request: Request) -> Response {
    // Swarm's routes answer so with Podman, and clients fall back.
    let swarm = ["/swarm", "/services", "/nodes", "/tasks", "/configs"];
    if swarm.iter().any(|prefix| request.uri().path().starts_with(prefix)) {
        return no_route(&request).with_status(StatusCode::SERVICE_UNAVAILABLE);
    }
    no_route(&request).into_response()
}

fn no_route(request: &Request) -> ApiError {
    ApiError(Error::not_found(format!("there is no route {} {}", request.method(), request.uri().path())))
}
