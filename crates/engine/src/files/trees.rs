//! The files of a container, an image or a volume, opened for as long as they are looked at.

use std::sync::Arc;

use cove_api::{FileTree, Result, TreeKind};
use cove_storage::StorageError;
use cove_tree::Root;

use super::view::ContainerFiles;
use crate::engine::Core;
use crate::error::storage;
use crate::image::lookup;
use crate::volume::VolumeFiles;

/// One of them.
pub(super) enum Tree {
    Container(Box<ContainerFiles>),
    Image(ImageFiles),
    Volume(VolumeFiles),
}

impl Tree {
    /// Opens what is meant.
    pub(super) fn open(core: &Arc<Core>, tree: &FileTree) -> Result<Self> {
        Ok(match tree.kind {
            TreeKind::Container => Self::Container(Box::new(ContainerFiles::open(core, &tree.name)?)),
            TreeKind::Image => Self::Image(ImageFiles::open(core, &tree.name)?),
            TreeKind::Volume => Self::Volume(VolumeFiles::open(core, &tree.name)?),
        })
    }

    /// A path of the request, from the working directory where there is one. What it ends with stays.
    pub(super) fn absolute(&self, path: &str) -> String {
        match self {
            Self::Container(files) => files.absolute(path),
            Self::Image(_) | Self::Volume(_) => format!("/{}", path.trim_start_matches('/')),
        }
    }

    /// Its root, for a path that leads to nothing else.
    pub(super) fn root(&self) -> &Root {
        match self {
            Self::Container(files) => files.root(),
            Self::Image(files) => &files.root,
            Self::Volume(files) => files.root(),
        }
    }

    /// Where an absolute path leads: a root, what is put before paths in it, and the path in it.
    pub(super) fn place(&self, absolute: &str) -> (&Root, &str, String) {
        match self {
            Self::Container(files) => files.place(absolute),
            Self::Image(_) | Self::Volume(_) => (self.root(), "", absolute.to_owned()),
        }
    }

    /// The owner in it for one on the disk.
    pub(super) fn inside(&self, uid: u32, gid: u32) -> (u32, u32) {
        match self {
            Self::Container(files) => files.owners.inside(uid, gid),
            Self::Image(_) | Self::Volume(_) => (uid, gid),
        }
    }

    /// Whether a process sees them just now, with devices and processes among them.
    pub(super) fn is_alive(&self) -> bool {
        matches!(self, Self::Container(files) if files.row.state.is_alive())
    }
}

/// An image's files, mounted read-only. The fields are given up in this order: an open root would keep the mount.
pub(super) struct ImageFiles {
    root: Root,
    _mounted: MountedImage,
}

impl ImageFiles {
    fn open(core: &Arc<Core>, name: &str) -> Result<Self> {
        let id = lookup::find_image(core, name, [""; 3])?.image.id;
        let path = core.store()?.mount_image(&id).map_err(storage)?;
        let mounted = MountedImage { core: Arc::clone(core), id };
        Ok(Self { root: Root::open(&path)?, _mounted: mounted })
    }
}

/// One user of an image's mount.
struct MountedImage {
    core: Arc<Core>,
    id: String,
}

impl Drop for MountedImage {
    fn drop(&mut self) {
        let unmounted = self.core.store().map(|store| store.unmount_image(&self.id, false));
        match unmounted {
            // It was removed, or unmounted by force, meanwhile.
            Ok(Ok(_) | Err(StorageError::NotMounted(_) | StorageError::ImageNotFound(_))) => {}
            Ok(Err(error)) => tracing::warn!("unmounting image {}: {error}", self.id),
            Err(error) => tracing::warn!("unmounting image {}: {error}", self.id),
        }
    }
}
