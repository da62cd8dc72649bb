//! Pods.

pub(crate) mod clone;
pub(crate) mod create;
pub(crate) mod exists;
pub(crate) mod inspect;
pub(crate) mod kill;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod pause;
pub(crate) mod prune;
pub(crate) mod remove;
pub(crate) mod restart;
pub(crate) mod start;
pub(crate) mod stats;
pub(crate) mod stop;
mod targets;
pub(crate) mod top;
pub(crate) mod unpause;

pub(crate) use create::{moved, new_for};
pub(crate) use targets::id_in;
use targets::{IdFiles, Targets, latest, report};
