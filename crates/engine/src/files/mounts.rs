//! Mounting containers and images for the user, on the engine's host.

use std::sync::Arc;

use cove_api::{MountedFiles, Result};
use cove_storage::StorageError;

use crate::container::ensure_mounted;
use crate::container::improper;
use crate::container::lookup::Locked;
use crate::engine::Core;
use crate::error::storage;
use crate::image::lookup;

/// Mounts a container's root file system, or counts one user more.
pub(super) fn mount(core: &Arc<Core>, name: &str) -> Result<String> {
    let Locked { row, lock: _lock } = core.locked_container(name)?;
    let path = ensure_mounted(core, &row)?;
    core.tell("mount", &row);
    Ok(path.to_string_lossy().into_owned())
}

/// Counts one user less; the container's own use is never taken away.
pub(super) fn unmount(core: &Arc<Core>, name: &str, force: bool) -> Result<()> {
    let Locked { row, lock: _lock } = core.locked_container(name)?;
    if row.config.rootfs.is_some() {
        return Ok(());
    }
    let store = core.store()?;
    let count = match store.container_mount(&row.id) {
        Ok(mount) => mount.map_or(0, |(_, count)| count),
        Err(StorageError::ContainerNotFound(_)) => 0,
        Err(error) => return Err(storage(error)),
    };
    let in_use = row.state.is_alive() || row.status.prepared;
    if in_use && (count <= 1 || force) {
        return Err(improper(format!(
            "cannot unmount storage for container {} as it is running or paused",
            row.id
        )));
    }
    if count == 0 {
        return Ok(());
    }
    match store.unmount_container(&row.id, force) {
        Ok(_) | Err(StorageError::NotMounted(_)) => {}
        Err(error) => return Err(storage(error)),
    }
    core.tell("unmount", &row);
    Ok(())
}

/// The containers that are mounted.
pub(super) fn mounts(core: &Core) -> Result<Vec<MountedFiles>> {
    let store = core.store()?;
    let mut mounted = Vec::new();
    for row in core.database()?.containers()? {
        if row.config.rootfs.is_some() {
            continue;
        }
        match store.container_mount(&row.id) {
            Ok(Some((path, _))) => mounted.push(MountedFiles {
                id: row.id,
                names: vec![row.name],
                path: path.to_string_lossy().into_owned(),
            }),
            Ok(None) | Err(StorageError::ContainerNotFound(_)) => {}
            Err(error) => return Err(storage(error)),
        }
    }
    Ok(mounted)
}

/// Mounts an image read-only.
pub(super) fn mount_image(core: &Core, name: &str) -> Result<MountedFiles> {
    let image = lookup::find_image(core, name, [""; 3])?.image;
    let path = core.store()?.mount_image(&image.id).map_err(storage)?;
    core.events.write("image", "mount", &image.id, [("name".to_owned(), name.to_owned())].into());
    Ok(MountedFiles { id: image.id, names: image.names, path: path.to_string_lossy().into_owned() })
}

/// Unmounts an image; [`None`] where it was not mounted.
pub(super) fn unmount_image(core: &Core, name: &str, force: bool) -> Result<Option<String>> {
    let image = lookup::find_image(core, name, [""; 3])?.image;
    let store = core.store()?;
    if store.image_mount(&image.id).map_err(storage)?.is_none() {
        return Ok(None);
    }
    match store.unmount_image(&image.id, force) {
        Ok(_) => {}
        Err(StorageError::NotMounted(_)) => return Ok(None),
        Err(error) => return Err(storage(error)),
    }
    core.events.write("image", "unmount", &image.id, [("name".to_owned(), name.to_owned())].into());
    Ok(Some(image.id))
}

/// The images that are mounted.
pub(super) fn image_mounts(core: &Core) -> Result<Vec<MountedFiles>> {
    let store = core.store()?;
    let mut mounted = Vec::new();
    for image in store.images().map_err(storage)?.iter() {
        if let Some((path, _)) = store.image_mount(&image.id).map_err(storage)? {
            mounted.push(MountedFiles {
                id: image.id.clone(),
                names: image.names.clone(),
                path: path.to_string_lossy().into_owned(),
            });
        }
    }
    Ok(mounted)
}
