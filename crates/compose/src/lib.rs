//! Compose files: found, read within bounds, merged, validated, and written as `docker-compose config` writes them.
//!
//! [`load`] makes a [`model::Project`] of the files: all attributes in their long form, `extends` and `include`
//! resolved. [`render`] writes one.

mod dotenv;
mod error;
mod hash;
mod interpolate;
mod load;
mod merge;
pub mod model;
pub mod render;
mod schema;
mod short;
mod tree;

pub use dotenv::env_file;
pub use error::{ComposeError, Result};
pub use hash::{network_hash, service_hash, volume_hash};
pub use interpolate::Variable;
pub use load::{Loaded, Options, command_words, load, tree, variables};
pub use short::{parse_mount, parse_ports};
