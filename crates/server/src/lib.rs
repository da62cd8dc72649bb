//! HTTP: Docker's, libpod's and our own routes over the engine traits.
//!
//! A handler decodes, makes one trait call and encodes. Docker's JSON shapes live in [`docker`] alone; the libpod
//! routes carry the types of `cove-api` as they are.

mod body;
mod connection;
mod declared;
mod docker;
mod error;
mod framing;
mod hangup;
mod head;
mod hijack;
mod listen;
mod path;
mod requests;
mod router;
mod slots;
mod stream;
mod tls;
mod unread;

pub use listen::{Listen, ServeOptions, serve};
pub use router::{Guard, router};
pub use tls::Tls;

pub use cove_api::{DOCKER_API_VERSION, DOCKER_MIN_API_VERSION, LIBPOD_API_VERSION};
