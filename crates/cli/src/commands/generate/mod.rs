//! What is written down of what exists.

pub(crate) mod spec;
pub(crate) mod systemd;
