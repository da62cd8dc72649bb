//! Layer archives: reading them into a directory in one pass, and writing them again bit for bit.

mod compression;
mod crc64;
mod extract;
mod header;
mod stream;
mod tarsplit;
mod tree;

pub use compression::Compression;
pub use extract::{ExtractOptions, Extracted, WhiteoutStyle};

pub(crate) use extract::extract;
