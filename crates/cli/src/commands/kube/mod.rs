//! `cove kube`, and `cove play` and `cove generate` as the same in older words.

pub(crate) mod apply;
pub(crate) mod down;
pub(crate) mod generate;
mod images;
pub(crate) mod play;
mod service;
mod text;
