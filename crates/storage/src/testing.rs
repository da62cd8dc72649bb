//! What the unit tests share.

use std::path::{Path, PathBuf};

/// A scratch directory, removed when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let id = crate::id::hex(&crate::id::random_bytes::<6>().unwrap());
        let path = std::env::temp_dir().join(format!("cove-storage-{name}-{id}"));
        crate::dirs::create_private(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = crate::dirs::remove_all(&self.0);
    }
}
