//! What is written down of what exists.

pub(crate) mod systemd;
