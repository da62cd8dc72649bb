//! The messages of BuildKit's protocol, as far as they are read or written. Fields that are not named are passed over,
//! as protocol buffers have it; those that would change what is built are named, so that they can be refused.

mod bridge;
mod control;
mod files;
mod llb;
mod worker;

pub(crate) use bridge::{
    BridgeSolveRequest, BridgeSolveResponse, Capability, Outcome, PongResponse, Reference, ReturnRequest,
    Returned,
};
pub(crate) use control::{
    BytesMessage, CacheEntry, DiskUsageResponse, Empty, Exporter, InfoResponse, ListWorkersResponse,
    PruneRequest, SolveRequest, SolveResponse, StatusRequest, StatusResponse, Timestamp, UsageRecord, Vertex,
    VertexLog, VertexWarning,
};
pub(crate) use files::{
    CredentialsRequest, CredentialsResponse, GetSecretRequest, GetSecretResponse, Packet, PacketKind, Stat,
};
pub(crate) use llb::Definition;
pub(crate) use worker::{BuildkitVersion, Platform, WorkerRecord};
