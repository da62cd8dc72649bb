//! The Docker routes and Docker's JSON shapes.

use axum::Router;

use crate::router::EngineState;

/// Every Docker route.
pub(crate) fn routes() -> Router<EngineState> {
    Router::new()
}
