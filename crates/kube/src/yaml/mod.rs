//! YAML: read into a tree that knows its lines, from there into values, and written as Kubernetes' tools write it.

mod node;
mod read;
mod write;

pub(crate) use node::{Node, Value, documents};
pub(crate) use read::{Moot, from_node};
pub(crate) use write::to_yaml;
