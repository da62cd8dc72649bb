//! How layers are kept as directories and put together to a root file system.

mod idmap;
mod mount;
mod overlay;
mod vfs;

use std::path::{Path, PathBuf};

use crate::archive::WhiteoutStyle;
use crate::error::Result;
use crate::record::IdMap;
use crate::tempdir::TempDir;

pub use overlay::OverlayOptions;

pub use idmap::{NamespaceHolder, mount_mapped, to_container, to_host};
pub(crate) use mount::{detach, is_mount_point};
pub(crate) use overlay::Overlay;
pub(crate) use vfs::Vfs;

/// The kinds of driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriverKind {
    /// The kernel's overlay file system, or fuse-overlayfs.
    Overlay,
    /// Plain copies, where nothing else works.
    Vfs,
}

impl DriverKind {
    /// The name in `storage.conf`, and in the store's directory names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Overlay => "overlay",
            Self::Vfs => "vfs",
        }
    }

    /// The kind with that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "overlay" | "overlay2" => Some(Self::Overlay),
            "vfs" => Some(Self::Vfs),
            _ => None,
        }
    }
}

/// What a layer's directory is filled with when it is made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Contents<'a> {
    /// Nothing: the writable layer of a container.
    Empty,
    /// An unpacked archive, moved into place. `has_root` tells whether it says what its root is like.
    Staged { directory: &'a Path, has_root: bool },
}

/// How a layer is mounted.
#[derive(Debug, Clone, Default)]
pub(crate) struct MountRequest {
    pub(crate) read_only: bool,
    pub(crate) volatile: bool,
    /// SELinux label, as `context=`; empty for none.
    pub(crate) label: String,
    /// Options instead of the configured ones.
    pub(crate) options: Vec<String>,
    /// Owners as they shall seem, where the layers below have not got them on the disk.
    pub(crate) shift: Option<(Vec<IdMap>, Vec<IdMap>)>,
}

/// The driver in use.
#[derive(Debug)]
pub(crate) enum Driver {
    Overlay(Overlay),
    Vfs(Vfs),
}

impl Driver {
    pub(crate) fn kind(&self) -> DriverKind {
        match self {
            Self::Overlay(_) => DriverKind::Overlay,
            Self::Vfs(_) => DriverKind::Vfs,
        }
    }

    /// What `info` shows, in podman's words.
    pub(crate) fn status(&self) -> Vec<(String, String)> {
        match self {
            Self::Overlay(driver) => driver.status(),
            Self::Vfs(_) => Vec::new(),
        }
    }

    /// Makes the directory of a layer. What a crash may have left there under that id is removed first.
    pub(crate) fn create(&self, id: &str, parent: Option<&str>, contents: Contents<'_>) -> Result<()> {
        match self {
            Self::Overlay(driver) => driver.create(id, parent, contents),
            Self::Vfs(driver) => driver.create(id, parent, contents),
        }
    }

    /// Moves a layer's directory away; nothing there is no error.
    pub(crate) fn remove(&self, id: &str, trash: &mut TempDir) -> Result<()> {
        match self {
            Self::Overlay(driver) => driver.remove(id, trash),
            Self::Vfs(driver) => trash.take(&driver.directory(id)),
        }
    }

    /// Mounts the layer over `lowers` (its ancestors, nearest first) and answers where.
    pub(crate) fn mount(&self, id: &str, lowers: &[String], request: &MountRequest) -> Result<PathBuf> {
        match self {
            Self::Overlay(driver) => driver.mount(id, lowers, request),
            Self::Vfs(driver) => Ok(driver.directory(id)),
        }
    }

    /// Whether a mount can show other owners than the disk has.
    pub(crate) fn can_shift(&self) -> bool {
        match self {
            Self::Overlay(driver) => driver.can_shift(),
            Self::Vfs(_) => false,
        }
    }

    /// Gives the root of an empty writable layer to the mapped root user.
    pub(crate) fn set_root_owner(&self, id: &str, uid: u32, gid: u32) -> Result<()> {
        use crate::error::Context;
        let path = self.diff(id);
        std::os::unix::fs::chown(&path, Some(uid), Some(gid)).context("set the owner of", &path)
    }

    /// Unmounts the layer; not mounted is no error.
    pub(crate) fn unmount(&self, id: &str) -> Result<()> {
        match self {
            Self::Overlay(driver) => driver.unmount(id),
            Self::Vfs(_) => Ok(()),
        }
    }

    /// Whether `path` is where a layer is mounted right now.
    pub(crate) fn is_mounted(&self, path: &Path) -> bool {
        match self {
            Self::Overlay(_) => is_mount_point(path),
            Self::Vfs(_) => path.exists(),
        }
    }

    /// The directory with the layer's own files (for vfs: with all files).
    pub(crate) fn diff(&self, id: &str) -> PathBuf {
        match self {
            Self::Overlay(driver) => driver.diff(id),
            Self::Vfs(driver) => driver.directory(id),
        }
    }

    /// Where scratch directories go, on the file system of the layers.
    pub(crate) fn temp_root(&self) -> PathBuf {
        match self {
            Self::Overlay(driver) => driver.home().join("tempdirs"),
            Self::Vfs(driver) => driver.home().join("tempdirs"),
        }
    }

    /// How archives must be unpacked for it.
    pub(crate) fn whiteouts(&self) -> WhiteoutStyle {
        match self {
            Self::Overlay(driver) => driver.whiteouts(),
            Self::Vfs(_) => WhiteoutStyle::Files,
        }
    }
}
