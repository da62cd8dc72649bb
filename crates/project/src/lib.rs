//! Projects of Compose files on an engine: what is there of them, what is to be done, and doing it.
//!
//! Labels, names and digests are those of docker-compose 2.x, so that either program sees the other's projects.
//! [`Found`] is what an engine has of a project; everything here works through [`cove_api::Engine`], for the engine in
//! this process and for one far away alike.

mod found;
pub mod label;

pub use found::{Found, FoundContainer};
