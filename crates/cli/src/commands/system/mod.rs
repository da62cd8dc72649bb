//! The engine itself, connections to others, and registries' credentials.

pub(crate) mod completion;
pub(crate) mod connection;
pub(crate) mod df;
pub(crate) mod events;
pub(crate) mod info;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod prune;
#[cfg(target_os = "linux")]
pub(crate) mod service;
#[cfg(target_os = "linux")]
pub(crate) mod unshare;
pub(crate) mod version;
