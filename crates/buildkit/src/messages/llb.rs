//! The graph of operations that clients may send in place of a build file's name.

/// A graph; only whether there is one is looked at.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Definition {
    /// The operations, each a message.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(crate) operations: Vec<Vec<u8>>,
}
