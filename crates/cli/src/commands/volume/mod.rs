//! Volumes.

pub(crate) mod create;
pub(crate) mod exists;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod mount;
pub(crate) mod prune;
pub(crate) mod reload;
pub(crate) mod remove;
pub(crate) mod unmount;
