//! The engine traits over HTTP: the libpod routes of `cove system service` (or of Podman's service).
//!
//! Each request has a connection of its own, which costs little on a local socket and lets attached streams take
//! theirs over whole.

mod containers;
mod endpoint;
mod execs;
mod frames;
mod http;
mod images;
mod networks;
mod query;
mod system;
mod volumes;

pub use endpoint::Endpoint;
pub use http::Client;
