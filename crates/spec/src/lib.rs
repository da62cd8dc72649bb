//! What a user writes, parsed and validated into typed specs; pure functions.
//!
//! Nothing here touches the disk, the environment or the clock: what a rule needs of them comes in as a value.

pub mod age;
pub mod block;
pub mod change;
pub mod copy;
pub mod device;
pub mod environment;
mod error;
pub mod expand;
pub mod filter;
pub mod health;
pub mod host;
mod host_path;
pub mod idmap;
pub mod local_volume;
pub mod mount;
pub mod name;
pub mod namespace;
pub mod network;
pub mod policy;
pub mod port;
pub mod resource;
pub mod secret;
pub mod security;
pub mod size;
pub mod terminal;
pub mod user;
pub mod volume;
pub mod yaml;

pub use error::{Error, Result};
