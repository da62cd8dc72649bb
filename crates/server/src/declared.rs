//! The declared routes: every endpoint of `cove_api::endpoint`, over axum.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawPathParams, Request, State};
use axum::routing::{MethodRouter, delete, get, head, post, put};
use cove_api::endpoint::{Attached, Incoming, Reply, Route, Verb, routes};

use crate::error::{Answer, ApiError};
use crate::router::{AskedVersion, EngineState};
use crate::stream;

/// Every endpoint, below the prefix of its family.
pub(crate) fn router() -> Router<EngineState> {
    routes().into_iter().fold(Router::new(), |router, route| {
        router.route(&format!("{}{}", route.family.prefix(), route.path), method_router(route))
    })
}

fn method_router(route: Route) -> MethodRouter<EngineState> {
    let verb = route.verb;
    let route = Arc::new(route);
    let handler = move |State(engine): State<EngineState>, path: RawPathParams, request: Request| {
        let route = Arc::clone(&route);
        async move { serve(&route, engine, &path, request).await }
    };
    match verb {
        Verb::Delete => delete(handler),
        Verb::Get => get(handler),
        Verb::Head => head(handler),
        Verb::Post => post(handler),
        Verb::Put => put(handler),
    }
}

async fn serve(route: &Route, engine: EngineState, path: &RawPathParams, mut request: Request) -> Answer {
    let body = std::mem::take(request.body_mut());
    let version = request.extensions().get::<AskedVersion>().and_then(|asked| asked.0.clone());
    let incoming = Incoming {
        path: path.iter().map(|(_, value)| value.to_owned()).collect(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers: request.headers().clone(),
        version,
        body: stream::upload(body),
    };
    let (reply, unread) = route.serve(engine, incoming).await.map_err(ApiError)?;
    match reply {
        Reply::Message(response) => Ok(response.map(Body::from_stream)),
        Reply::Attach(Attached { stream, terminal }) => {
            // Without an upgrade the rest of the body is the input.
            *request.body_mut() = Body::from_stream(unread);
            Ok(stream::attach(&mut request, stream, terminal))
        }
    }
}
