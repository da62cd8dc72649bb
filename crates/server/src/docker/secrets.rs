//! `/secrets`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cove_api::wire::NotDone;
use cove_api::{
    Concealed, Secret, SecretCreateOptions, SecretCreateReport, SecretInspectOptions, SecretListOptions,
    StringMap,
};
use serde::{Deserialize, Serialize};

use super::parameters::{Filtered, Query};
use crate::body::JsonBody;
use crate::error::{Answer, ApiError};
use crate::router::EngineState;
use cove_docker::Set;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/secrets", get(list))
        .route("/secrets/create", post(create))
        .route("/secrets/{name}", get(inspect).delete(remove))
        .route("/secrets/{name}/update", post(update))
}

/// A secret as Docker shows it: every change makes a new one here, so its version is always the first.
#[derive(Serialize)]
struct DockerSecret {
    #[serde(flatten)]
    secret: Secret,
    #[serde(rename = "Version")]
    version: Version,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    index: u32,
}

impl From<Secret> for DockerSecret {
    fn from(secret: Secret) -> Self {
        Self { secret, version: Version { index: 1 } }
    }
}

async fn list(
    State(engine): State<EngineState>,
    Query(asked): Query<Filtered>,
) -> Answer<Json<Vec<DockerSecret>>> {
    let secrets = engine.secrets().list(SecretListOptions { filters: asked.filters }).await?;
    Ok(Json(secrets.into_iter().map(Into::into).collect()))
}

/// The body of create.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[allow(dead_code, reason = "what is not done is typed for the decoder alone")]
struct Create {
    name: String,
    labels: StringMap,
    data: Concealed,
    driver: Driver,
    templating: NotDone<Set>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Driver {
    name: String,
    options: StringMap,
}

async fn create(
    State(engine): State<EngineState>,
    JsonBody(create): JsonBody<Create>,
) -> Answer<Json<SecretCreateReport>> {
    let data = STANDARD
        .decode(create.data.0)
        .map_err(|_| ApiError::invalid("the data of the secret is no base64"))?;
    let options = SecretCreateOptions {
        name: create.name,
        driver: create.driver.name,
        driveropts: create.driver.options,
        labels: create.labels,
        ..SecretCreateOptions::default()
    };
    let id = engine.secrets().create(data.into(), options).await?;
    Ok(Json(SecretCreateReport { id }))
}

async fn inspect(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(options): Query<SecretInspectOptions>,
) -> Answer<Json<DockerSecret>> {
    Ok(Json(engine.secrets().inspect(&name, options).await?.into()))
}

async fn remove(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<StatusCode> {
    engine.secrets().remove(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn update() -> Answer<StatusCode> {
    Err(cove_api::Error::unsupported("update is not supported").into())
}
