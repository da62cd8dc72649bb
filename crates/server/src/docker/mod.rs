//! The Docker routes and Docker's JSON shapes.

mod build;
mod buildkit;
mod containers;
mod execs;
mod files;
mod images;
mod inspect;
mod networks;
mod parameters;
mod progress;
mod prune;
mod registry;
mod secrets;
mod stats;
mod summary;
mod system;
mod update;
mod usage;
mod volumes;
mod websocket;

use axum::Router;

use crate::router::EngineState;

/// Every Docker route.
pub(crate) fn routes() -> Router<EngineState> {
    Router::new()
        .merge(build::routes())
        .merge(buildkit::routes())
        .merge(containers::routes())
        .merge(execs::routes())
        .merge(files::routes())
        .merge(images::routes())
        .merge(networks::routes())
        .merge(prune::routes())
        .merge(registry::routes())
        .merge(secrets::routes())
        .merge(stats::routes())
        .merge(system::routes())
        .merge(update::routes())
        .merge(usage::routes())
        .merge(volumes::routes())
        .merge(websocket::routes())
}
