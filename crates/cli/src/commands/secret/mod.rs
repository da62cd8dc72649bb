//! Secrets.

pub(crate) mod create;
pub(crate) mod exists;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod remove;
