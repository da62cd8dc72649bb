//! The engine itself, connections to others, and registries' credentials.

pub(crate) mod check;
pub(crate) mod complete;
pub(crate) mod completion;
pub(crate) mod connection;
pub(crate) mod df;
#[cfg(target_os = "linux")]
pub(crate) mod docker_setup;
pub(crate) mod events;
pub(crate) mod info;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod man;
pub(crate) mod migrate;
pub(crate) mod prune;
pub(crate) mod renumber;
pub(crate) mod reset;
#[cfg(target_os = "linux")]
pub(crate) mod service;
#[cfg(target_os = "linux")]
pub(crate) mod unshare;
pub(crate) mod version;
