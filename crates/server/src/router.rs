//! All routes, and what every request passes first.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use cove_api::{Engine, Error, ErrorKind};
use tower::{Layer as _, ServiceExt as _, util::MapRequestLayer};

use crate::error::ApiError;
use crate::{DOCKER_API_VERSION, LIBPOD_API_VERSION, docker, libpod, path};

/// The engine behind the routes.
pub(crate) type EngineState = Arc<dyn Engine>;

/// Longest JSON body of a request, in bytes.
const LONGEST_BODY: usize = 8 << 20;

/// The service's routes over `engine`. `over_network` also refuses what a web page could send.
pub fn router(engine: Arc<dyn Engine>, over_network: bool) -> Router {
    let routes = Router::new()
        .nest("/libpod", libpod::routes())
        .merge(docker::routes())
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(middleware::from_fn_with_state(over_network, guard))
        .layer(middleware::map_response(with_headers))
        .with_state(engine);
    // Routing looks at the path after this.
    let normalised = MapRequestLayer::new(normalise).layer(routes);
    Router::new().fallback_service(normalised.map_response(|response: Response| response))
}

fn normalise(mut request: Request) -> Request {
    let mut text = path::normalise(request.uri().path());
    if let Some(query) = request.uri().query() {
        text.push('?');
        text.push_str(query);
    }
    if let Ok(uri) = text.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
    request
}

/// A browser names the page's origin, and a page whose name was rebound to this address names its own host.
async fn guard(State(over_network): State<bool>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if headers.contains_key(header::ORIGIN) || (over_network && has_foreign_host(headers.get(header::HOST))) {
        let error = Error::new(ErrorKind::PermissionDenied, "requests from web pages are refused");
        return ApiError(error).into_response();
    }
    next.run(request).await
}

fn has_foreign_host(host: Option<&HeaderValue>) -> bool {
    let Some(host) = host.and_then(|host| host.to_str().ok()) else { return true };
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    !(name == "localhost" || name == "d" || name.parse::<std::net::IpAddr>().is_ok())
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

async fn not_found(request: Request) -> Response {
    let message = format!("there is no route {} {}", request.method(), request.uri().path());
    let mut response = ApiError(Error::not_found(message)).into_response();
    // Swarm's routes answer so with Podman, and clients fall back.
    let swarm = ["/swarm", "/services", "/nodes", "/tasks", "/configs"];
    if swarm.iter().any(|prefix| request.uri().path().starts_with(prefix)) {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}
