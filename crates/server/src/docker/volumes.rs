//! `/volumes`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use cove_api::wire::NotDone;
use cove_api::{StringMap, Volume, VolumeCreateOptions, VolumeListOptions, VolumeRemoveOptions};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::body::JsonBody;
use crate::error::Answer;
use crate::params::Params;
use crate::router::EngineState;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/volumes", get(list))
        .route("/volumes/create", post(create))
        .route("/volumes/{name}", get(inspect).delete(remove))
}

fn docker_volume(volume: &Volume) -> Value {
    json!({
        "Name": volume.name,
        "Driver": volume.driver,
        "Mountpoint": volume.mountpoint,
        "CreatedAt": volume.created_at,
        "Labels": volume.labels,
        "Scope": volume.scope,
        "Options": volume.options,
    })
}

async fn list(State(engine): State<EngineState>, params: Params) -> Answer<Json<Value>> {
    let volumes = engine.volumes().list(VolumeListOptions { filters: params.filters()? }).await?;
    let volumes: Vec<Value> = volumes.iter().map(docker_volume).collect();
    Ok(Json(json!({"Volumes": volumes, "Warnings": []})))
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[allow(dead_code, reason = "what is not done is typed for the decoder alone")]
struct Create {
    name: String,
    driver: String,
    driver_opts: StringMap,
    labels: StringMap,
    cluster_volume_spec: NotDone<Map<String, Value>>,
}

async fn create(State(engine): State<EngineState>, JsonBody(create): JsonBody<Create>) -> Answer {
    // Docker's create of an existing volume answers with that volume.
    let options = VolumeCreateOptions {
        name: create.name,
        driver: create.driver,
        labels: create.labels,
        options: create.driver_opts,
        ignore_if_exists: true,
    };
    let volume = engine.volumes().create(options).await?;
    Ok((StatusCode::CREATED, Json(docker_volume(&volume))).into_response())
}

async fn remove(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    let options =
        VolumeRemoveOptions { force: params.switch("force", false)?, timeout: params.number("timeout")? };
    engine.volumes().remove(&name, options).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn inspect(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<Json<Value>> {
    Ok(Json(docker_volume(&engine.volumes().inspect(&name).await?)))
}
