//! Messages of `moby.buildkit.v1.Control`.

use std::collections::HashMap;
use std::time::SystemTime;

use super::{BuildkitVersion, Definition, WorkerRecord};

/// A message without fields.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub(crate) struct Empty {}

/// A piece of something.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub(crate) struct BytesMessage {
    /// The bytes.
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) data: bytes::Bytes,
}

/// What to build.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SolveRequest {
    /// The client's name for the build.
    #[prost(string, tag = "1")]
    pub(crate) reference: String,
    /// A graph of operations in place of a frontend.
    #[prost(message, optional, tag = "2")]
    pub(crate) definition: Option<Definition>,
    /// Where the result goes, from clients that know of one place only.
    #[prost(string, tag = "3")]
    pub(crate) exporter: String,
    /// Its attributes.
    #[prost(map = "string, string", tag = "4")]
    pub(crate) exporter_attributes: HashMap<String, String>,
    /// The session with the client's files.
    #[prost(string, tag = "5")]
    pub(crate) session: String,
    /// What reads the build file; empty is the client itself, which calls the bridge.
    #[prost(string, tag = "6")]
    pub(crate) frontend: String,
    /// All that is said of the build.
    #[prost(map = "string, string", tag = "7")]
    pub(crate) attributes: HashMap<String, String>,
    /// Caches elsewhere.
    #[prost(message, optional, tag = "8")]
    pub(crate) cache: Option<CacheOptions>,
    /// What commands are allowed beyond the usual.
    #[prost(string, repeated, tag = "9")]
    pub(crate) entitlements: Vec<String>,
    /// Graphs that the frontend may begin with.
    #[prost(map = "string, message", tag = "10")]
    pub(crate) inputs: HashMap<String, Definition>,
    /// Rules for sources.
    #[prost(message, optional, tag = "12")]
    pub(crate) source_policy: Option<Empty>,
    /// Where the result goes.
    #[prost(message, repeated, tag = "13")]
    pub(crate) exporters: Vec<Exporter>,
    /// Commands reach the network through the client's rules only.
    #[prost(bool, tag = "17")]
    pub(crate) proxy_network: bool,
}

/// Caches elsewhere.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CacheOptions {
    /// Where it goes.
    #[prost(message, repeated, tag = "4")]
    pub(crate) exports: Vec<CacheEntry>,
    /// Where it comes from.
    #[prost(message, repeated, tag = "5")]
    pub(crate) imports: Vec<CacheEntry>,
}

/// A cache.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CacheEntry {
    /// `registry`, `local`, `inline`, …
    #[prost(string, tag = "1")]
    pub(crate) kind: String,
    /// Where.
    #[prost(map = "string, string", tag = "2")]
    pub(crate) attributes: HashMap<String, String>,
}

/// Where a result goes.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Exporter {
    /// `moby`, `image`, `local`, …
    #[prost(string, tag = "1")]
    pub(crate) kind: String,
    /// How.
    #[prost(map = "string, string", tag = "2")]
    pub(crate) attributes: HashMap<String, String>,
}

/// What a build came to.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SolveResponse {
    /// What the exporters tell.
    #[prost(map = "string, string", tag = "1")]
    pub(crate) exporter_response: HashMap<String, String>,
}

/// Whose progress is asked for.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub(crate) struct StatusRequest {
    /// The client's name for the build.
    #[prost(string, tag = "1")]
    pub(crate) reference: String,
}

/// News of a build.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StatusResponse {
    /// Steps that began or ended.
    #[prost(message, repeated, tag = "1")]
    pub(crate) vertexes: Vec<Vertex>,
    /// What steps wrote.
    #[prost(message, repeated, tag = "3")]
    pub(crate) logs: Vec<VertexLog>,
    /// What should be known.
    #[prost(message, repeated, tag = "4")]
    pub(crate) warnings: Vec<VertexWarning>,
}

/// A step.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Vertex {
    /// Its name for programs, of the form of a digest.
    #[prost(string, tag = "1")]
    pub(crate) digest: String,
    /// Its name for people.
    #[prost(string, tag = "3")]
    pub(crate) name: String,
    /// It was done before.
    #[prost(bool, tag = "4")]
    pub(crate) cached: bool,
    /// When it began.
    #[prost(message, optional, tag = "5")]
    pub(crate) started: Option<Timestamp>,
    /// When it ended.
    #[prost(message, optional, tag = "6")]
    pub(crate) completed: Option<Timestamp>,
    /// Why it failed.
    #[prost(string, tag = "7")]
    pub(crate) error: String,
}

/// What a step wrote.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct VertexLog {
    /// The step.
    #[prost(string, tag = "1")]
    pub(crate) vertex: String,
    /// When.
    #[prost(message, optional, tag = "2")]
    pub(crate) timestamp: Option<Timestamp>,
    /// 1 is standard output, 2 standard error.
    #[prost(int64, tag = "3")]
    pub(crate) stream: i64,
    /// The bytes.
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) message: Vec<u8>,
}

/// What should be known.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct VertexWarning {
    /// The step.
    #[prost(string, tag = "1")]
    pub(crate) vertex: String,
    /// How much it matters; 1 is the most.
    #[prost(int64, tag = "2")]
    pub(crate) level: i64,
    /// The text.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) short: Vec<u8>,
}

/// A time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub(crate) struct Timestamp {
    /// Since 1970.
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
    /// Nanoseconds of the second.
    #[prost(int32, tag = "2")]
    pub(crate) nanos: i32,
}

impl Timestamp {
    /// Now.
    pub(crate) fn now() -> Self {
        SystemTime::now().into()
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(since.subsec_nanos()).unwrap_or_default(),
        }
    }
}

/// The workers.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ListWorkersResponse {
    /// There is one.
    #[prost(message, repeated, tag = "1")]
    pub(crate) workers: Vec<WorkerRecord>,
}

/// The builder.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct InfoResponse {
    /// Its version.
    #[prost(message, optional, tag = "1")]
    pub(crate) version: Option<BuildkitVersion>,
}

/// What builds keep.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DiskUsageResponse {
    /// Each of it.
    #[prost(message, repeated, tag = "1")]
    pub(crate) records: Vec<UsageRecord>,
}

/// Something that builds keep.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub(crate) struct UsageRecord {
    /// Its name.
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    /// A build has it.
    #[prost(bool, tag = "3")]
    pub(crate) in_use: bool,
    /// Bytes.
    #[prost(int64, tag = "4")]
    pub(crate) size: i64,
    /// When it was last used.
    #[prost(message, optional, tag = "7")]
    pub(crate) used: Option<Timestamp>,
    /// For people.
    #[prost(string, tag = "9")]
    pub(crate) description: String,
    /// What it is.
    #[prost(string, tag = "10")]
    pub(crate) kind: String,
}

/// What of it is to go.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub(crate) struct PruneRequest {
    /// Which.
    #[prost(string, repeated, tag = "1")]
    pub(crate) filters: Vec<String>,
    /// Nanoseconds: what a build has used since then stays.
    #[prost(int64, tag = "3")]
    pub(crate) keep_duration: i64,
    /// Bytes that may stay.
    #[prost(int64, tag = "4")]
    pub(crate) keep_bytes: i64,
}
