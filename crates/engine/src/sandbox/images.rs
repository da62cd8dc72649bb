//! Images that are mounted as directories of a container.

use std::path::{Path, PathBuf};

use cove_api::{Error, Result};
use cove_storage::StorageError;
use cove_sys::fs;

use crate::error::storage;
use crate::parts::Parts;
use crate::state::make_private;

/// Where a folder notes the images that are mounted for it.
fn notes(folder: &Path) -> PathBuf {
    folder.join("images")
}

/// Mounts an image and answers where. Once for each folder: another call answers the same.
pub(crate) fn mount(parts: &Parts, folder: &Path, id: &str) -> Result<PathBuf> {
    let note = notes(folder).join(id);
    let store = parts.store()?;
    if note.exists() {
        // Mounted for this folder already: counted again to learn where, and given back at once.
        let path = store.mount_image(id).map_err(storage)?;
        store.unmount_image(id, false).map_err(storage)?;
        return Ok(path);
    }
    make_private(&notes(folder))?;
    // Noted first: after a crash in between the count is one too low, which unmounts what containers do not need any
    // more, where the other way the image could never be removed.
    fs::write(&note, "")?;
    store.mount_image(id).map_err(storage)
}

/// Undoes every [`mount`]; what is not there is no error.
pub(crate) fn release(parts: &Parts, folder: &Path) -> Result<()> {
    let entries = match fs::read_dir(notes(folder)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let id = name.to_str().ok_or_else(|| Error::internal("the note of an image has no name"))?;
        match parts.store()?.unmount_image(id, false) {
            Ok(_) | Err(StorageError::NotMounted(_) | StorageError::ImageNotFound(_)) => {}
            Err(error) => return Err(storage(error)),
        }
        fs::remove_file(entry.path())?;
    }
    Ok(fs::remove_dir(notes(folder))?)
}
