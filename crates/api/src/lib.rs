//! Everything that crosses a process boundary: specs, options, reports, events, error kinds and the engine
//! traits, one narrow trait per resource.
//!
//! The JSON of these types is the libpod API's, so that any of Podman's clients can talk to Cove's service and
//! Cove's client to Podman's. Docker's JSON shapes live in the server alone.

mod access;
mod artifact;
mod browse;
mod build;
mod capability;
mod cdi;
mod check;
mod checkpoint;
mod container;
mod copy;
mod distribution;
pub mod endpoint;
mod error;
mod event;
mod exec;
mod files;
pub mod filter;
mod follow;
mod health;
mod image;
mod inspect;
mod kube;
mod mac;
mod manifest;
mod network;
mod pod;
mod port;
mod prune;
mod push;
mod quadlet;
mod sbom;
mod secret;
pub mod shown;
pub mod signal;
mod spec;
mod stats;
mod stream;
mod system;
pub mod time;
mod traits;
mod unit;
mod update;
mod usage;
mod volume;
mod wait;
pub mod wire;
mod working;

pub use access::*;
pub use artifact::*;
pub use browse::*;
pub use build::*;
pub use capability::*;
pub use cdi::*;
pub use check::*;
pub use checkpoint::*;
pub use container::*;
pub use copy::*;
pub use distribution::*;
pub use error::{Error, ErrorKind, Result};
pub use event::*;
pub use exec::*;
pub use files::*;
pub use follow::*;
pub use health::*;
pub use image::*;
pub use inspect::*;
pub use kube::*;
pub use mac::MacAddress;
pub use manifest::*;
pub use network::*;
pub use pod::*;
pub use port::*;
pub use prune::{
    ImagePruneOptions, NetworkPruneReport, PruneOptions, PruneReport, SystemPruneOptions, SystemPruneReport,
    prune_system, volumes as prune_volumes,
};
pub use push::*;
pub use quadlet::*;
pub use sbom::{Sbom, SbomMerge, SbomOptions};
pub use secret::*;
pub use spec::*;
pub use stats::*;
pub use stream::*;
pub use system::*;
pub use traits::*;
pub use unit::*;
pub use update::*;
pub use usage::*;
pub use volume::*;
pub use wait::*;
pub use working::*;

/// A point in time; JSON is RFC 3339 with nanoseconds.
pub type Timestamp = jiff::Timestamp;

/// Filters as `key -> values`: values of one key are alternatives, keys are all required.
pub type Filters = std::collections::BTreeMap<String, Vec<String>>;

/// String to string, in the order of the keys (labels, annotations, driver options).
pub type StringMap = std::collections::BTreeMap<String, String>;

/// The zero time as Go writes it (`0001-01-01T00:00:00Z`): "never" in container states.
#[must_use]
pub fn zero_time() -> Timestamp {
    // 62135596800 seconds lie between that moment and the Unix epoch, well inside the type's range.
    Timestamp::from_second(-62_135_596_800).unwrap_or(Timestamp::MIN)
}
