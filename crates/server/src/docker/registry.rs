//! `/auth` and `/distribution`.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use cove_api::endpoint::{AuthConfig, RegistryAuth};
use cove_api::{Distribution, Error, ErrorKind, LoginReport};

use crate::body::JsonBody;
use crate::error::Answer;
use crate::router::EngineState;

pub(super) fn routes() -> Router<EngineState> {
    Router::new().route("/auth", post(log_in)).route("/distribution/{name}/json", get(distribution))
}

/// The error of a pull, push or search: what a registry does not show is not there. To a status of 401 Docker's command
/// line asks for a password, and without a terminal it waits for ever.
pub(super) fn refused(error: Error) -> Error {
    match error.kind {
        ErrorKind::Unauthorized => Error::not_found(error.message),
        _ => error,
    }
}

async fn log_in(
    State(engine): State<EngineState>,
    JsonBody(login): JsonBody<AuthConfig>,
) -> Answer<Json<LoginReport>> {
    let (registry, credentials) = login.into_parts();
    // Docker's clients leave it out for Docker Hub.
    let registry = if registry.is_empty() { "docker.io" } else { registry.as_str() };
    engine.images().check_login(registry, credentials).await?;
    Ok(Json(LoginReport::succeeded()))
}

async fn distribution(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Answer<Json<Distribution>> {
    let access = RegistryAuth::of(&headers)?.into_access();
    Ok(Json(engine.images().distribution(&name, access).await?))
}
