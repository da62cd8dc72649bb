//! Health checks.

pub(crate) mod run;
