//! Checkpoints: a container's processes on the disk, from which they go on later, elsewhere, or several times.
//!
//! CRIU does it for the OCI runtime (`runtime/src/checkpoint.rs`). Here is what belongs to a container besides its
//! processes: files, shared memory, addresses, volumes, its request, and the archive or image of all that.

mod archive;
mod criu;
mod dump;
mod files;
mod image;
mod import;
mod restore;
mod statistics;

pub(super) use dump::{checkpoint, complete};
pub(super) use files::{log, path};
pub(super) use restore::restore;
