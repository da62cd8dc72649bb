//! Cove's own routes.

use axum::routing::get;
use axum::{Json, Router};
use cove_api::endpoint::document;
use serde_json::Value;

use crate::router::EngineState;

pub(crate) fn routes() -> Router<EngineState> {
    Router::new().route("/cove/openapi.json", get(openapi))
}

/// The OpenAPI document of the libpod routes.
async fn openapi() -> Json<Value> {
    Json(document())
}
