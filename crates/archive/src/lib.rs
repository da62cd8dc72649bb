//! What every crate that touches an archive shares: digests, compression and tar, for input that nobody trusts.
//!
//! Nothing here opens a file or knows an image: callers bring readers and writers.

mod compression;
mod digest;

pub use compression::{Compression, XZ_MEMORY, detect, fill, unpacked};
pub use digest::{Digest, DigestAlgorithm, Hasher, InvalidDigest};
