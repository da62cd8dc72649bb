//! Secrets: a table of names and ids beside the store, shared with podman, and drivers that keep the data.

mod api;
mod driver;
mod given;
mod table;

pub(crate) use given::{data_of, keep, resolve};
pub(crate) use table::folder;
