//! Projects of Compose files on an engine: what is there of them, what is to be done, and doing it.
//!
//! Labels, names and digests are those of docker-compose 2.x, so that either program sees the other's projects.
//! [`Found`] is what an engine has of a project, [`plan`] compares it with the file, [`run`] does what is to be done, all
//! through [`cove_api::Engine`]: for the engine in this process and for one far away alike.

mod found;
mod graph;
pub mod label;
pub mod plan;
pub mod run;

pub use found::{Found, FoundContainer};
pub use graph::{Dependency, Graph};
