//! The libpod routes: the traits of `cove-api` as they are.

mod containers;
mod execs;
mod images;
mod networks;
mod system;
mod volumes;

use axum::Router;

use crate::router::EngineState;

/// Every libpod route, below `/libpod`.
pub(crate) fn routes() -> Router<EngineState> {
    Router::new()
        .merge(containers::routes())
        .merge(execs::routes())
        .merge(images::routes())
        .merge(networks::routes())
        .merge(system::routes())
        .merge(volumes::routes())
}
