//! One conversion of the store's errors into the engine's.

use cove_api::Error;
use cove_storage::StorageError;

/// The engine's error for a failure of the store.
pub(crate) fn storage(error: StorageError) -> Error {
    Error::from_chain(error.kind(), &error)
}

/// Several errors as one; the first one's kind.
pub(crate) fn joined(errors: Vec<Error>) -> Result<(), Error> {
    let Some(kind) = errors.first().map(|error| error.kind) else { return Ok(()) };
    let texts: Vec<String> = errors.into_iter().map(|error| error.message).collect();
    Err(Error::new(kind, texts.join("; ")))
}
