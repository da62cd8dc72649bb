//! Volumes: directories that outlive containers.
//!
//! Containers use `data` and `mounting`; only `api`, which may remove a volume's users, uses containers.

mod api;
mod contents;
mod data;
mod image;
mod mounting;

pub(crate) use contents::{VolumeFiles, occupied};
pub(crate) use data::{ensure, no_such_volume, remove_unused};
pub(crate) use mounting::{acquire, mountpoint, remove_all, settle};
