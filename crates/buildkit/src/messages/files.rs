//! Messages of what a client serves in its session: files, secrets.

use std::collections::HashMap;

use bytes::Bytes;

/// A packet of a transfer of files, either way.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Packet {
    /// What it is.
    #[prost(enumeration = "PacketKind", tag = "1")]
    pub(crate) kind: i32,
    /// Something that there is; without it, that was the last.
    #[prost(message, optional, tag = "2")]
    pub(crate) stat: Option<Stat>,
    /// The file, by its place among those that were named.
    #[prost(uint32, tag = "3")]
    pub(crate) id: u32,
    /// A piece of the file, empty at its end; or why it went wrong.
    #[prost(bytes = "bytes", tag = "4")]
    pub(crate) data: Bytes,
}

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum PacketKind {
    /// Names something, or tells the end of the names.
    Stat = 0,
    /// Asks for a file's contents.
    Request = 1,
    /// Has a piece of them.
    Data = 2,
    /// Nothing more is wanted.
    Fin = 3,
    /// It went wrong.
    Error = 4,
}

/// A file, folder or link.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Stat {
    /// Below the folder, with slashes.
    #[prost(string, tag = "1")]
    pub(crate) path: String,
    /// Type and permissions, with Go's bits.
    #[prost(uint32, tag = "2")]
    pub(crate) mode: u32,
    /// Bytes.
    #[prost(int64, tag = "5")]
    pub(crate) size: i64,
    /// Nanoseconds since 1970.
    #[prost(int64, tag = "6")]
    pub(crate) modified: i64,
    /// Where a symbolic link leads; of a file, another one that it is the same as.
    #[prost(string, tag = "7")]
    pub(crate) link: String,
    /// Extended attributes.
    #[prost(map = "string, bytes", tag = "10")]
    pub(crate) attributes: HashMap<String, Vec<u8>>,
}

/// Asks for credentials.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub(crate) struct CredentialsRequest {
    /// The registry.
    #[prost(string, tag = "1")]
    pub(crate) host: String,
}

/// Credentials; empty where there are none. Nothing here may be shown, so there is no `Debug` of it.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct CredentialsResponse {
    /// The user; empty where the secret is a token.
    #[prost(string, tag = "1")]
    pub(crate) username: String,
    /// The password.
    #[prost(string, tag = "2")]
    pub(crate) secret: String,
}

impl std::fmt::Debug for CredentialsResponse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CredentialsResponse").finish_non_exhaustive()
    }
}

/// Asks for a secret.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub(crate) struct GetSecretRequest {
    /// Which.
    #[prost(string, tag = "1")]
    pub(crate) id: String,
}

/// A secret.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct GetSecretResponse {
    /// What it is.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) data: Vec<u8>,
}

impl std::fmt::Debug for GetSecretResponse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("GetSecretResponse").finish_non_exhaustive()
    }
}
