//! What every crate that touches an archive shares: digests, compression and tar, for input that nobody trusts.
//!
//! Nothing here opens a file or knows an image: callers bring readers and writers.

mod chunked;
mod compression;
mod crc64;
mod digest;
mod error;
mod header;
mod name;
mod pipeline;
mod reader;
mod recorder;
mod sparse;
mod tarsplit;
mod writer;

pub use chunked::{is_chunked, write_chunked};
pub use compression::{Compression, compressed, detect, fill, unpacked};
pub use crc64::Crc64;
pub use digest::{Digest, DigestAlgorithm, Hasher, InvalidDigest};
pub use error::{Error, Result};
pub use header::{Extent, Header, Kind};
pub use name::{clean_beneath, clean_name, lossy};
pub use pipeline::{Source, Stages, Totals, pipeline};
pub use reader::{Entry, Input, Reader, Seekable, Streamed};
pub use recorder::Recorder;
pub use sparse::Sparse;
pub use tarsplit::{TarSplitPart, TarSplitReader, TarSplitWriter};
pub use writer::{Member, Writer};
