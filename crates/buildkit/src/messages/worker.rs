//! What a client asks of the builder itself.

use std::collections::HashMap;

/// A worker, of which there is one.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct WorkerRecord {
    /// Its name.
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    /// What clients look at to know what it can do.
    #[prost(map = "string, string", tag = "2")]
    pub(crate) labels: HashMap<String, String>,
    /// What it builds for, its own first.
    #[prost(message, repeated, tag = "3")]
    pub(crate) platforms: Vec<Platform>,
    /// Its version.
    #[prost(message, optional, tag = "5")]
    pub(crate) version: Option<BuildkitVersion>,
}

/// A platform.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub(crate) struct Platform {
    /// As Go names it.
    #[prost(string, tag = "1")]
    pub(crate) architecture: String,
    /// As Go names it.
    #[prost(string, tag = "2")]
    pub(crate) os: String,
    /// Of the architecture.
    #[prost(string, tag = "3")]
    pub(crate) variant: String,
}

/// A version.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub(crate) struct BuildkitVersion {
    /// The program.
    #[prost(string, tag = "1")]
    pub(crate) package: String,
    /// Its version.
    #[prost(string, tag = "2")]
    pub(crate) version: String,
    /// The commit.
    #[prost(string, tag = "3")]
    pub(crate) revision: String,
}
