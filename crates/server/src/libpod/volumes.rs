//! `/libpod/volumes`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use cove_api::{Volume, VolumeCreateOptions, VolumeListOptions, VolumeRemoveOptions};

use super::containers::exists_status;
use crate::body::LibpodBody;
use crate::error::Answer;
use crate::params::Params;
use crate::router::EngineState;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/volumes/create", post(create))
        .route("/volumes/json", get(list))
        .route("/volumes/{name}", delete(remove))
        .route("/volumes/{name}/json", get(inspect))
        .route("/volumes/{name}/exists", get(exists))
}

async fn create(
    State(engine): State<EngineState>,
    LibpodBody(options): LibpodBody<VolumeCreateOptions>,
) -> Answer {
    let volume = engine.volumes().create(options).await?;
    Ok((StatusCode::CREATED, Json(volume)).into_response())
}

async fn list(State(engine): State<EngineState>, params: Params) -> Answer<Json<Vec<Volume>>> {
    Ok(Json(engine.volumes().list(VolumeListOptions { filters: params.filters()? }).await?))
}

async fn inspect(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<Json<Volume>> {
    Ok(Json(engine.volumes().inspect(&name).await?))
}

async fn exists(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<StatusCode> {
    exists_status(engine.volumes().exists(&name).await?, "volume", &name)
}

/// Also Docker's route.
pub(crate) async fn remove(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    let options =
        VolumeRemoveOptions { force: params.switch("force", false)?, timeout: params.number("timeout")? };
    engine.volumes().remove(&name, options).await?;
    Ok(StatusCode::NO_CONTENT)
}
