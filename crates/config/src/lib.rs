//! Configuration files, directories, connections and environment variables.
//!
//! Parsing is pure (`&str` to a typed value); loading finds the files, bounds them and names them in errors.
//! Nothing here reads the process environment: the binary captures it once as [`env::Environment`].

pub mod auth;
pub mod connections;
pub mod containers;
pub mod contexts;
pub mod dirs;
pub mod env;
mod error;
pub mod farms;
mod file;
mod merge;
pub mod mounts_conf;
pub mod policy;
pub mod registries;
pub mod registries_d;
mod spans;
pub mod storage;
mod unique;
mod usage;

pub use auth::{CredentialStore, Credentials};
pub use connections::{Connection, Connections, Destination};
pub use containers::ContainersConf;
pub use contexts::{DockerContext, DockerContexts};
pub use dirs::{Directories, User};
pub use env::Environment;
pub use error::{Error, ParseError, Result};
pub use file::Loaded;
pub use merge::{Text, TextList};
pub use policy::Policy;
pub use registries::{Registries, ShortNameAliases, ShortNameMode};
pub use registries_d::{SignaturePlace, SignaturePlaces};
pub use storage::{StorageConf, StorageFlags, StoreOptions};
pub use usage::Use;
