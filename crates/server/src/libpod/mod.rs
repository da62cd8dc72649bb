//! The libpod routes: the traits of `cove-api` as they are.

mod containers;
pub(crate) mod execs;
pub(crate) mod images;
mod networks;
mod system;
mod volumes;

use axum::Router;

use crate::router::EngineState;

pub(crate) use containers::{attach_options, log_options, parse_signal, terminal_size};
pub(crate) use system::{event_options, ping, version};
pub(crate) use volumes::remove as remove_volume;

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
