//! The engine traits over HTTP: the way to `cove system service` (or to Podman's service).
//!
//! What is asked and answered stands in `cove_api::endpoint`; this crate brings requests to a service. Each request has
//! a connection of its own, which costs little on a local socket and lets attached streams take theirs over whole.

mod address;
mod connect;
mod heard;
mod http;
mod tls;

pub use address::Address;
pub use connect::{Connect, Connecting};
pub use http::{Client, UserCredentials};
pub use tls::{SecureTcp, TlsFiles};
