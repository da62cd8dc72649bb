//! Volumes: directories that outlive containers.
//!
//! Containers use `data`; only `api`, which may remove a volume's users, uses containers.

mod api;
mod data;

pub(crate) use data::{ensure, mountpoint, no_such_volume, remove_unused};
