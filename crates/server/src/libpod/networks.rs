//! `/libpod/networks`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use cove_api::{Network, NetworkCreateOptions, NetworkInspect, NetworkListOptions};
use serde::Deserialize;
use serde_json::{Value, json};

use super::containers::exists_status;
use crate::body::LibpodBody;
use crate::error::Answer;
use crate::params::Params;
use crate::router::EngineState;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/networks/create", post(create))
        .route("/networks/json", get(list))
        .route("/networks/{name}", delete(remove))
        .route("/networks/{name}/json", get(inspect))
        .route("/networks/{name}/exists", get(exists))
}

#[derive(Deserialize)]
struct Create {
    #[serde(default, alias = "ignoreIfExists")]
    ignore_if_exists: bool,
    #[serde(flatten)]
    network: Network,
}

async fn create(
    State(engine): State<EngineState>,
    LibpodBody(create): LibpodBody<Create>,
) -> Answer<Json<Network>> {
    let options = NetworkCreateOptions { ignore_if_exists: create.ignore_if_exists };
    Ok(Json(engine.networks().create(create.network, options).await?))
}

async fn list(State(engine): State<EngineState>, params: Params) -> Answer<Json<Vec<Network>>> {
    Ok(Json(engine.networks().list(NetworkListOptions { filters: params.filters()? }).await?))
}

async fn inspect(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
) -> Answer<Json<NetworkInspect>> {
    Ok(Json(engine.networks().inspect(&name).await?))
}

async fn exists(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<StatusCode> {
    exists_status(engine.networks().exists(&name).await?, "network", &name)
}

async fn remove(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<Json<Value>> {
    engine.networks().remove(&name, params.switch("force", false)?).await?;
    Ok(Json(json!([{"Name": name, "Err": null}])))
}
