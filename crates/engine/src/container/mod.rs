//! Containers: creation, life cycle, and what is told about them.

mod api;
pub(crate) mod attach;
mod bundle;
mod cleanup;
mod create;
mod exec;
mod files;
mod filter;
mod inspect;
mod inspect_network;
mod list;
mod logs;
pub(crate) mod lookup;
mod mounts;
mod ports;
mod remove;
mod resolve;
mod rootfs;
mod rootless_network;
mod settings;
mod start;
pub(crate) mod state;
mod stop;
mod wait;

pub(crate) use api::remove_container;
