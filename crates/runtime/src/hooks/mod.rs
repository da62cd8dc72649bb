//! The host administrator's OCI hooks: files in folders that say which program runs at which stage of which containers.
//!
//! oci-hooks(5), version 1.0.0 of the files. Most hooks are put into the configuration and started by the OCI runtime;
//! those of the stage `precreate` get the configuration beforehand and write what it becomes.

mod file;
mod precreate;
mod set;

pub use set::HookSet;
