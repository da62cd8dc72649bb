//! The vfs driver: each layer is a whole copy of what it is on. Slow and large, and works everywhere.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use cove_sys::fs;

use super::Contents;
use crate::dirs;
use crate::error::{Context, Result};

/// The driver.
#[derive(Debug)]
pub(crate) struct Vfs {
    home: PathBuf,
}

impl Vfs {
    pub(crate) fn open(graph: &Path) -> Result<Self> {
        let home = graph.join("vfs");
        dirs::ensure(&home, 0o700)?;
        dirs::ensure(&home.join("dir"), 0o700)?;
        Ok(Self { home })
    }

    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    pub(crate) fn directory(&self, id: &str) -> PathBuf {
        self.home.join("dir").join(id)
    }

    pub(crate) fn create(&self, id: &str, parent: Option<&str>, contents: Contents<'_>) -> Result<()> {
        let directory = self.directory(id);
        dirs::remove_all(&directory)?;
        dirs::create_exact(&directory, 0o555)?;
        if let Some(parent) = parent {
            crate::archive::copy_tree(&self.directory(parent), &directory)?;
        }
        if let Contents::Staged { directory: staged, has_root } = contents {
            if has_root {
                let data = fs::metadata(staged)?;
                std::os::unix::fs::chown(&directory, Some(data.uid()), Some(data.gid()))
                    .context("set the owner of", &directory)?;
                fs::set_permissions(&directory, std::fs::Permissions::from_mode(data.mode() & 0o7777))?;
            }
            crate::archive::merge_tree(staged, &directory)?;
        }
        Ok(())
    }
}
