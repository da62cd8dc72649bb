//! Images in files: docker-archive, oci-archive, OCI layouts and `dir:` directories, read and written.

mod content;
mod docker;
mod documents;
mod oci;
mod sink;
mod source;
mod tar;
mod write;

pub use source::{Archive, ArchiveFormat, ArchiveSource};
pub use write::{ArchiveDestination, ArchiveOptions, ArchiveWriter};
