//! A container's root file system, mounted as long as it is looked at.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cove_api::Result;
use cove_storage::{IdMap, StorageError, to_container, to_host};

use crate::container::ensure_mounted;
use crate::engine::Core;
use crate::state::{ContainerRow, IdRange};

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

/// Owners of a container's files: in it, and as its mounted root file system shows them. By default both are the same.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    users: Vec<IdMap>,
    groups: Vec<IdMap>,
}

impl Owners {
    pub(crate) fn of(core: &Core, row: &ContainerRow) -> Result<Self> {
        if row.config.rootfs.is_none() {
            return Ok(match core.store()?.container(&row.id) {
                Ok(container) => Self { users: container.uid_map, groups: container.gid_map },
                Err(_) => Self::default(),
            });
        }
        if !row.config.rootfs_idmap.is_empty() {
            return Ok(Self::default());
        }
        let stored = |ranges: &[IdRange]| ranges.iter().map(|range| range.stored()).collect();
        let userns = &row.config.userns;
        Ok(Self { users: stored(&userns.users), groups: stored(&userns.groups) })
    }

    /// The owner on the disk for one in the container.
    pub(crate) fn outside(&self, uid: u32, gid: u32) -> (u32, u32) {
        (to_host(&self.users, uid).unwrap_or(uid), to_host(&self.groups, gid).unwrap_or(gid))
    }

    /// The owner in the container for one on the disk.
    pub(crate) fn inside(&self, uid: u32, gid: u32) -> (u32, u32) {
        (to_container(&self.users, uid).unwrap_or(uid), to_container(&self.groups, gid).unwrap_or(gid))
    }
}
