//! Layer archives: reading them into a directory in one pass, and writing them again bit for bit.

mod compare;
mod extract;
mod merge;
mod reassemble;
mod shift;
mod tree;
mod walk;
mod write;

pub use extract::Extracted;
pub use walk::{Change, ChangeKind, tree_size};

pub(crate) use compare::compare;
pub(crate) use extract::{ExtractOptions, extract};
pub(crate) use merge::{copy_tree, merge_tree};
pub(crate) use reassemble::Reassembler;
pub(crate) use shift::shift_owners;
pub(crate) use tree::WhiteoutStyle;
pub(crate) use walk::changes;
pub(crate) use write::{write_changes_tar, write_layer_tar};
