//! Support for the end-to-end suites: a throw-away store with an image in it, the programs beside us, and a
//! registry with TLS and a password.
//!
//! A test takes a [`Bed`], runs the real `cove` in it and looks at what comes out. Where this machine lacks
//! something, [`skip`] says so and the test ends.

mod bed;
mod image;
mod registry;
mod run;
mod service;

pub use bed::{Bed, Who, binary};
pub use image::{add_tar_member, root_file_system, write_docker_archive};
pub use registry::Registry;
pub use run::{Outcome, free_port, has, is_root, skip, wait_for};
pub use service::Service;

/// The image every bed holds: busybox and its applets.
pub const IMAGE: &str = "localhost/cove-test:latest";
