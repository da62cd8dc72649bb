//! The use-cases: state database, life cycles, volumes, networks, events; implements the engine traits.
#![cfg(target_os = "linux")]

mod artifact;
mod build;
mod container;
mod descriptors;
mod engine;
mod error;
mod event;
mod feed;
mod file_type;
mod files;
mod filter;
mod image;
mod kube;
mod lock;
mod maintain;
mod name;
mod network;
mod options;
mod parts;
mod pod;
mod prune;
mod quadlet;
mod sandbox;
mod secret;
mod state;
mod stream;
mod supervised;
mod system;
mod unit;
mod usage;
mod volume;

pub use container::tell_systemd;
pub use engine::LocalEngine;
pub use options::EngineOptions;
pub use quadlet::quadlet_places;
pub use state::StateError;
