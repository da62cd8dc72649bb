//! A container's root file system, mounted as long as it is looked at.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cove_api::Result;
use cove_storage::StorageError;

use crate::container::ensure_mounted;
use crate::engine::Core;
use crate::state::ContainerRow;

/// One user of the mount; it is given back when this is dropped.
#[derive(Debug)]
pub(super) struct RootFs {
    path: PathBuf,
    /// The layer, where it is one.
    mounted: Option<(Arc<Core>, String)>,
}

impl RootFs {
    /// Mounts it. The container's lock is held: the layer of one that is removed meanwhile would be made anew.
    pub(super) fn mount(core: &Arc<Core>, row: &ContainerRow) -> Result<Self> {
        let path = ensure_mounted(core, row)?;
        let mounted = row.config.rootfs.is_none().then(|| (Arc::clone(core), row.id.clone()));
        Ok(Self { path, mounted })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RootFs {
    fn drop(&mut self) {
        let Some((core, id)) = &self.mounted else { return };
        let unmounted = core.store().map(|store| store.unmount_container(id, false));
        match unmounted {
            // The container was removed, or ended, meanwhile.
            Ok(Ok(_) | Err(StorageError::NotMounted(_) | StorageError::ContainerNotFound(_))) => {}
            Ok(Err(error)) => tracing::warn!("unmounting container {id}: {error}"),
            Err(error) => tracing::warn!("unmounting container {id}: {error}"),
        }
    }
}
