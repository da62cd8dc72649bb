//! Messages of `moby.buildkit.v1.frontend.LLBBridge`.

use std::collections::HashMap;

use super::{CacheEntry, Definition};

/// What the bridge can do.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PongResponse {
    /// Of itself.
    #[prost(message, repeated, tag = "1")]
    pub(crate) frontend: Vec<Capability>,
    /// Of graphs.
    #[prost(message, repeated, tag = "2")]
    pub(crate) llb: Vec<Capability>,
}

/// Something that it can do.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub(crate) struct Capability {
    /// Its name.
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    /// It can.
    #[prost(bool, tag = "2")]
    pub(crate) enabled: bool,
}

/// What to build.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BridgeSolveRequest {
    /// A graph of operations in place of a frontend.
    #[prost(message, optional, tag = "1")]
    pub(crate) definition: Option<Definition>,
    /// What reads the build file.
    #[prost(string, tag = "2")]
    pub(crate) frontend: String,
    /// All that is said of the build.
    #[prost(map = "string, string", tag = "3")]
    pub(crate) attributes: HashMap<String, String>,
    /// The client understands results.
    #[prost(bool, tag = "5")]
    pub(crate) allow_result: bool,
    /// Caches elsewhere.
    #[prost(message, repeated, tag = "12")]
    pub(crate) cache_imports: Vec<CacheEntry>,
    /// Graphs that the frontend may begin with.
    #[prost(map = "string, message", tag = "13")]
    pub(crate) inputs: HashMap<String, Definition>,
}

/// What it came to.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BridgeSolveResponse {
    /// For clients that understand no results.
    #[prost(string, tag = "1")]
    pub(crate) reference: String,
    /// The result.
    #[prost(message, optional, tag = "3")]
    pub(crate) result: Option<Outcome>,
}

/// A result.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Outcome {
    /// What was built.
    #[prost(oneof = "Returned", tags = "1, 3, 4")]
    pub(crate) returned: Option<Returned>,
    /// What is said of it.
    #[prost(map = "string, bytes", tag = "10")]
    pub(crate) metadata: HashMap<String, Vec<u8>>,
}

/// What was built.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Returned {
    /// One, as older clients write it.
    #[prost(string, tag = "1")]
    Plain(String),
    /// One.
    #[prost(message, tag = "3")]
    One(Reference),
    /// One for each platform.
    #[prost(message, tag = "4")]
    Many(References),
}

/// The name of something that was built.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Reference {
    /// The name.
    #[prost(string, tag = "1")]
    pub(crate) id: String,
}

/// Several of them.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct References {
    /// By their platforms.
    #[prost(map = "string, message", tag = "1")]
    pub(crate) all: HashMap<String, Reference>,
}

/// With what the client's frontend ends.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ReturnRequest {
    /// What it has made.
    #[prost(message, optional, tag = "1")]
    pub(crate) result: Option<Outcome>,
    /// Why it made nothing.
    #[prost(message, optional, tag = "2")]
    pub(crate) error: Option<RpcStatus>,
}

/// An error.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RpcStatus {
    /// Its code, one of gRPC's.
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    /// For people.
    #[prost(string, tag = "2")]
    pub(crate) message: String,
}
