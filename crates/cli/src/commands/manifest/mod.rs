//! Lists of images.

pub(crate) mod add;
pub(crate) mod annotate;
pub(crate) mod create;
pub(crate) mod exists;
pub(crate) mod inspect;
mod platform;
pub(crate) mod push;
pub(crate) mod remove;
pub(crate) mod rm;
