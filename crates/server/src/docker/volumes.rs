//! `/volumes`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use cove_api::wire::NotDone;
use cove_api::{StringMap, Timestamp, Volume, VolumeCreateOptions, VolumeListOptions, VolumeRemoveOptions};
use serde::{Deserialize, Serialize};

use super::parameters::{Filtered, Query, RemoveVolume};
use crate::body::JsonBody;
use crate::error::Answer;
use crate::router::EngineState;
use cove_docker::Set;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/volumes", get(list))
        .route("/volumes/create", post(create))
        .route("/volumes/{name}", get(inspect).delete(remove))
}

/// A volume as Docker shows it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerVolume {
    name: String,
    driver: String,
    mountpoint: String,
    created_at: Timestamp,
    labels: StringMap,
    scope: String,
    options: StringMap,
}

impl From<Volume> for DockerVolume {
    fn from(volume: Volume) -> Self {
        Self {
            name: volume.name,
            driver: volume.driver,
            mountpoint: volume.mountpoint,
            created_at: volume.created_at,
            labels: volume.labels,
            scope: volume.scope,
            options: volume.options,
        }
    }
}

/// What list answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    volumes: Vec<DockerVolume>,
    warnings: Vec<String>,
}

async fn list(State(engine): State<EngineState>, Query(asked): Query<Filtered>) -> Answer<Json<Listed>> {
    let volumes = engine.volumes().list(VolumeListOptions { filters: asked.filters }).await?;
    Ok(Json(Listed { volumes: volumes.into_iter().map(Into::into).collect(), warnings: Vec::new() }))
}

/// The body of create.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[allow(dead_code, reason = "what is not done is typed for the decoder alone")]
struct Create {
    name: String,
    driver: String,
    driver_opts: StringMap,
    labels: StringMap,
    cluster_volume_spec: NotDone<Set>,
}

async fn create(State(engine): State<EngineState>, JsonBody(create): JsonBody<Create>) -> Answer {
    // Docker's create of an existing volume answers with that volume.
    let options = VolumeCreateOptions {
        name: create.name,
        driver: create.driver,
        labels: create.labels,
        options: create.driver_opts,
        ignore_if_exists: true,
        ..VolumeCreateOptions::default()
    };
    let volume = engine.volumes().create(options).await?;
    Ok((StatusCode::CREATED, Json(DockerVolume::from(volume))).into_response())
}

async fn inspect(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<Json<DockerVolume>> {
    Ok(Json(engine.volumes().inspect(&name).await?.into()))
}

async fn remove(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<RemoveVolume>,
) -> Answer<StatusCode> {
    let options = VolumeRemoveOptions { force: asked.force, ..VolumeRemoveOptions::default() };
    engine.volumes().remove(&name, options).await?;
    Ok(StatusCode::NO_CONTENT)
}
