//! `cove farm …`: connections that build images together.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod update;
