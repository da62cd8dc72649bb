//! Images in files: docker-archive, oci-archive, OCI layouts and `dir:` directories, read and written.

mod content;
mod docker;
mod oci;
mod source;
mod tar;

pub use source::{Archive, ArchiveFormat, ArchiveSource};
