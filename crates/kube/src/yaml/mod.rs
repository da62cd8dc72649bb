//! YAML: read into a tree that knows its lines, from there into values, and written as Kubernetes' tools write it.

mod read;
mod write;

pub(crate) use cove_spec::yaml::{Node, Value};
pub use read::documents_of;
pub(crate) use read::{Moot, documents, from_node};
pub use write::to_yaml;
