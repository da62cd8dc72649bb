//! Removing images and names of images.

use cove_api::Result;

use crate::engine::Core;
use crate::error::storage;

/// Removes an image that no container uses (`--rmi`); one in use stays.
pub(crate) fn remove_unused(core: &Core, id: &str) -> Result<()> {
    match core.store()?.delete_image(id) {
        Ok(_) | Err(cove_storage::StorageError::ImageInUse { .. } | cove_storage::StorageError::ImageNotFound(_)) => {
            Ok(())
        }
        Err(error) => Err(storage(error)),
    }
}
