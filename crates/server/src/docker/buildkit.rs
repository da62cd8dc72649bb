//! `/grpc` and `/session`: the connections of BuildKit's clients.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Extension, Router};
use cove_buildkit::{BuildKit, SessionHeaders};

use crate::error::Answer;
use crate::router::EngineState;
use crate::stream::http2;

pub(super) fn routes() -> Router<EngineState> {
    Router::new().route("/grpc", post(grpc)).route("/session", post(session))
}

async fn grpc(Extension(buildkit): Extension<BuildKit>, mut request: Request) -> Answer {
    http2(&mut request, |connection| async move { buildkit.grpc(connection).await })
}

async fn session(Extension(buildkit): Extension<BuildKit>, mut request: Request) -> Answer {
    let headers = read(request.headers());
    http2(&mut request, |connection| async move { buildkit.session(connection, headers).await })
}

/// What a client says of its session.
fn read(headers: &HeaderMap) -> SessionHeaders {
    let all = |name: &str| -> Vec<String> {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.map(ToOwned::to_owned).collect()
    };
    let one = |name: &str| all(name).into_iter().next().unwrap_or_default();
    SessionHeaders {
        id: one("x-docker-expose-session-uuid"),
        shared_key: one("x-docker-expose-session-sharedkey"),
        methods: all("x-docker-expose-session-grpc-method"),
    }
}
