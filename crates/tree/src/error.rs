//! What can go wrong with a tree.

use std::io;

use cove_archive::lossy;
use rustix::io::Errno;

/// A tree that could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error("{action} {path}: {source}")]
    System {
        /// What was to be done, such as `open`.
        action: &'static str,
        /// The path in the tree.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A directory stands where something else is to be, or the other way round.
    #[error("error creating {path:?}: {action} {path}: file exists")]
    Exists {
        /// What was to be done: `mkdir` or `open`.
        action: &'static str,
        /// The path in the tree.
        path: String,
    },
    /// The archive is not acceptable.
    #[error(transparent)]
    Archive(#[from] cove_archive::Error),
    /// The tree or the archive goes beyond a bound.
    #[error("{0}")]
    Refused(String),
    /// The archive could not be written.
    #[error("writing the archive: {0}")]
    Output(io::Error),
}

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<Error> for cove_api::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::System { action, path, source } => Self::from(source).context(format!("{action} {path}")),
            Error::Output(source) => Self::from(source).context("writing the archive"),
            error @ Error::Exists { .. } => Self::new(cove_api::ErrorKind::AlreadyExists, error.to_string()),
            Error::Archive(cove_archive::Error::Io(source)) => {
                Self::from(source).context("reading the archive")
            }
            error @ (Error::Archive(_) | Error::Refused(_)) => Self::invalid(error.to_string()),
        }
    }
}

/// Says what was done with which path.
pub(crate) trait Context<T> {
    /// The result with what was to be done.
    fn context(self, action: &'static str, path: &[u8]) -> Result<T>;
}

impl<T> Context<T> for Result<T, Errno> {
    fn context(self, action: &'static str, path: &[u8]) -> Result<T> {
        self.map_err(io::Error::from).context(action, path)
    }
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, action: &'static str, path: &[u8]) -> Result<T> {
        self.map_err(|source| Error::System { action, path: lossy(path), source })
    }
}
