//! One conversion of the store's errors into the engine's.

use cove_api::{Error, ErrorKind};
use cove_storage::StorageError;

/// The engine's error for a failure of the store.
pub(crate) fn storage(error: StorageError) -> Error {
    let kind = match &error {
        StorageError::LayerNotFound(_)
        | StorageError::ImageNotFound(_)
        | StorageError::ContainerNotFound(_)
        | StorageError::DataNotFound { .. } => ErrorKind::NotFound,
        StorageError::IdInUse { .. } | StorageError::NameInUse { .. } => ErrorKind::AlreadyExists,
        StorageError::ImageInUse { .. } | StorageError::LayerInUse { .. } => ErrorKind::InUse,
        StorageError::Ambiguous(..) | StorageError::Invalid { .. } => ErrorKind::InvalidArgument,
        StorageError::Unsupported(_) => ErrorKind::Unsupported,
        StorageError::File(source) if source.kind() == std::io::ErrorKind::PermissionDenied => {
            ErrorKind::PermissionDenied
        }
        _ => ErrorKind::Internal,
    };
    Error::from_chain(kind, &error)
}

/// Several errors as one; the first one's kind.
pub(crate) fn joined(errors: Vec<Error>) -> Result<(), Error> {
    let Some(kind) = errors.first().map(|error| error.kind) else { return Ok(()) };
    let texts: Vec<String> = errors.into_iter().map(|error| error.message).collect();
    Err(Error::new(kind, texts.join("; ")))
}
