//! What can go wrong while an archive is read.

use std::io;

/// An archive that is not acceptable, or could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It breaks the format, or a bound that keeps hostile ones from doing harm.
    #[error("{reason} (at byte {offset})")]
    Bad {
        /// Position in the uncompressed archive.
        offset: u64,
        /// What is wrong; names in it are quoted and escaped.
        reason: String,
    },
    /// Its bytes could not be had, or not be kept.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The result of reading.
pub type Result<T, E = Error> = std::result::Result<T, E>;
