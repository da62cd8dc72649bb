//! `cargo xtask test fresh`, `demo` and `readme`: set-up and the README's two commands on machines that have only git,
//! Rust and the linker that Rust needs.
//!
//! A machine is a root made by mmdebstrap from packages alone (`distribution.rs`), entered by namespaces of its own, the
//! network's among them (`machine.rs`, `network.rs`); the kernel is this machine's. What is built there is a clone of this
//! repository's last commit, so that a file that is not in git is missed. Only the cache of downloaded crates and
//! Rust's own folder come from here. What cannot be had (a distribution's mirror, dnf) is named in the table of what
//! was skipped, never passed over.

mod distribution;
mod machine;
mod network;
mod run;

pub(crate) use run::{Extent, run};
