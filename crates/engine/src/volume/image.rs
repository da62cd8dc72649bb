//! Volumes of the driver `image`: a writable layer over an image, kept by a container of the store.

use cove_api::{Result, Volume};
use cove_storage::{ContainerOptions, StorageError, container_metadata};

use crate::engine::Core;
use crate::error::storage;
use crate::name;

/// Ends the name of such a container: no container of a user's can have it.
const SUFFIX: &str = "+volume";

/// Makes the layer; notes it in the volume.
pub(super) fn make(core: &Core, volume: &mut Volume) -> Result<()> {
    let wanted = volume.options.get("image").cloned().unwrap_or_default();
    let image = crate::image::lookup::find_image(core, &wanted, [""; 3])
        .map_err(|error| error.context(format!("looking up image {wanted} to create volume failed")))?;
    let id = name::random_id()?;
    let name = format!("{}{SUFFIX}", volume.name);
    let options = ContainerOptions {
        id: Some(id.clone()),
        metadata: container_metadata(&name, &wanted, &image.image.id, volume.created_at.as_second()),
        names: vec![name],
        image: Some(image.image.id),
        ..ContainerOptions::default()
    };
    core.store()?.create_container(options).map_err(storage)?;
    volume.storage_id = id;
    Ok(())
}

/// Removes the layer, where there is one.
pub(super) fn give_up(core: &Core, volume: &Volume) -> Result<()> {
    if volume.storage_id.is_empty() {
        return Ok(());
    }
    let store = core.store()?;
    match store.unmount_container(&volume.storage_id, true) {
        Ok(_) | Err(StorageError::NotMounted(_) | StorageError::ContainerNotFound(_)) => {}
        Err(error) => return Err(storage(error)),
    }
    match store.delete_container(&volume.storage_id) {
        Ok(()) | Err(StorageError::ContainerNotFound(_)) => Ok(()),
        Err(error) => Err(storage(error)),
    }
}
