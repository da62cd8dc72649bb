//! What the tests of all crates share; only ever a development dependency.
//!
//! - [`Bed`]: a throw-away store in which the real `cove` runs, as root or as an ordinary user; [`everyone`] does a test
//!   as both. [`Service`] is `cove system service` on it, [`Registry`] a real registry with TLS and a password.
//! - [`FakeEngine`]: an engine in memory for what lies above the engine traits.
//! - [`Certificates`]: an authority and what it signs, for TLS. [`ApiServer`]: an API server of Kubernetes behind it.
//! - [`busybox_tree`], [`root_file_system`], [`tar()`](tar()), [`write_docker_archive`]: images made on the spot.
//! - [`documented_routes`], [`docker_routes`]: every route of the service, for tests over all of them.
//! - [`skip`] and [`Need`]: a test that lacks something says so, and fails where `COVE_REQUIRE` names it.

mod api_server;
mod bed;
mod certificates;
mod engine;
mod image;
mod need;
mod program;
mod registry;
mod routes;
mod service;
mod tar;

pub use api_server::{ApiServer, TOKEN};
pub use bed::{Bed, Who, binary, everyone};
pub use certificates::Certificates;
pub use engine::{BROKEN, Contents, FakeEngine, sample};
pub use image::{IMAGE, busybox, busybox_tree, root_file_system, write_docker_archive};
pub use need::{Need, met, skip};
pub use program::{Outcome, built, docker_plugin, free_port, has, is_root, node_command, wait_for};
pub use registry::Registry;
pub use routes::{HttpRoute, docker_routes, documented_routes};
pub use service::Service;
pub use tar::{Member, tar};
