//! What can go wrong in the store.

use std::io;
use std::path::{Path, PathBuf};

use cove_api::ErrorKind;

/// An error of the store; every message names the file, layer, image or container it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// A file could not be read or written; the message of the source names it.
    #[error("{0}")]
    File(#[from] io::Error),
    /// A system call on a path failed.
    #[error("cannot {action} {}: {source}", path.display())]
    System {
        /// What was tried, as a verb phrase.
        action: &'static str,
        /// The path it was tried on.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// A metadata file of the store holds something else than the JSON it should.
    #[error("{} is damaged: {source}", path.display())]
    BadJson {
        /// The file.
        path: PathBuf,
        /// Where parsing stopped.
        #[source]
        source: serde_json::Error,
    },
    /// No layer has this id.
    #[error("layer {0} is not known")]
    LayerNotFound(String),
    /// No image has this id, name or digest.
    #[error("{0}: image not known")]
    ImageNotFound(String),
    /// No container has this id or name.
    #[error("{0}: container not known")]
    ContainerNotFound(String),
    /// The item has no data under this name.
    #[error("{id} has no data item {key:?}")]
    DataNotFound {
        /// The image or container.
        id: String,
        /// The name of the item.
        key: String,
    },
    /// More than one item has an id that begins with this.
    #[error("{0:?} is ambiguous: more than one {1} has an id that begins with it")]
    Ambiguous(String, &'static str),
    /// An item of that id exists already.
    #[error("{kind} {id} exists already")]
    IdInUse {
        /// `layer`, `image` or `container`.
        kind: &'static str,
        /// The id.
        id: String,
    },
    /// Another item has that name.
    #[error("the name {name:?} is in use by {kind} {id}")]
    NameInUse {
        /// `image` or `container`.
        kind: &'static str,
        /// The name.
        name: String,
        /// Who has it.
        id: String,
    },
    /// Containers are made from the image.
    #[error("image {id} is in use by container {}", containers.join(", "))]
    ImageInUse {
        /// The image.
        id: String,
        /// The ids of the containers.
        containers: Vec<String>,
    },
    /// The layer has children, or belongs to an image or container, or is mounted.
    #[error("layer {id} is in use by {by}")]
    LayerInUse {
        /// The layer.
        id: String,
        /// What uses it.
        by: String,
    },
    /// The stream is not an acceptable archive.
    #[error("not a valid tar archive: {reason} (at byte {offset})")]
    BadArchive {
        /// Position in the uncompressed stream.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// The compressed stream is damaged, or its source failed.
    #[error("cannot read the layer: {0}")]
    Stream(#[source] io::Error),
    /// The contents differ from what they were announced as.
    #[error("{what} is {actual}, but {expected} was expected")]
    Mismatch {
        /// Which property.
        what: &'static str,
        /// The announced value.
        expected: String,
        /// The value found.
        actual: String,
    },
    /// A value that would become a file name or identifier is not one.
    #[error("invalid {what} {value:?}")]
    Invalid {
        /// What it should be.
        what: &'static str,
        /// The value, shortened.
        value: String,
    },
    /// The store was made with another driver.
    #[error("the store at {} uses the {found} driver, not {wanted}", root.display())]
    OtherDriver {
        /// The graph root.
        root: PathBuf,
        /// What is there.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// Something this store or this machine cannot do.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// The mount failed.
    #[error("cannot mount {}: {reason}", target.display())]
    Mount {
        /// Where.
        target: PathBuf,
        /// Why, from the kernel or the mount program.
        reason: String,
    },
    /// Unmount was asked for something that is not mounted.
    #[error("{0} is not mounted")]
    NotMounted(String),
}

/// The result of this crate's functions.
pub type Result<T, E = StorageError> = std::result::Result<T, E>;

impl StorageError {
    /// The kind of error the rest of the product decides on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::LayerNotFound(_)
            | Self::ImageNotFound(_)
            | Self::ContainerNotFound(_)
            | Self::DataNotFound { .. } => ErrorKind::NotFound,
            Self::Ambiguous(..)
            | Self::BadArchive { .. }
            | Self::Mismatch { .. }
            | Self::Invalid { .. }
            | Self::OtherDriver { .. } => ErrorKind::InvalidArgument,
            Self::IdInUse { .. } | Self::NameInUse { .. } => ErrorKind::AlreadyExists,
            Self::ImageInUse { .. } | Self::LayerInUse { .. } => ErrorKind::InUse,
            Self::NotMounted(_) => ErrorKind::WrongState,
            Self::Unsupported(_) => ErrorKind::Unsupported,
            Self::File(error) | Self::System { source: error, .. } | Self::Stream(error) => {
                match error.kind() {
                    io::ErrorKind::InvalidData
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::UnexpectedEof
                        if matches!(self, Self::Stream(_)) =>
                    {
                        ErrorKind::InvalidArgument
                    }
                    io::ErrorKind::Unsupported => ErrorKind::Unsupported,
                    io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
                    io::ErrorKind::TimedOut => ErrorKind::Timeout,
                    _ => ErrorKind::Internal,
                }
            }
            Self::BadJson { .. } | Self::Mount { .. } => ErrorKind::Internal,
        }
    }

    pub(crate) fn invalid(what: &'static str, value: &str) -> Self {
        Self::Invalid { what, value: value.chars().take(200).collect() }
    }
}

impl From<cove_archive::Error> for StorageError {
    fn from(error: cove_archive::Error) -> Self {
        match error {
            cove_archive::Error::Bad { offset, reason } => Self::BadArchive { offset, reason },
            cove_archive::Error::Io(error) => Self::Stream(error),
        }
    }
}

/// Adds the action and the path to an error of a bare system call.
pub(crate) trait Context<T> {
    fn context(self, action: &'static str, path: impl AsRef<Path>) -> Result<T>;
}

impl<T> Context<T> for std::result::Result<T, rustix::io::Errno> {
    fn context(self, action: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|error| StorageError::System {
            action,
            path: path.as_ref().to_path_buf(),
            source: error.into(),
        })
    }
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, action: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|source| StorageError::System { action, path: path.as_ref().to_path_buf(), source })
    }
}

impl From<StorageError> for cove_api::Error {
    fn from(error: StorageError) -> Self {
        let kind = error.kind();
        // The messages hold their causes already.
        Self::new(kind, error.to_string())
    }
}
