//! Artifacts.

pub(crate) mod add;
pub(crate) mod extract;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod remove;
