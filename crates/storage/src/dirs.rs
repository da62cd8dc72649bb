//! Making directories with exact modes, and reading and removing files that may be missing.

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use cove_sys::fs;

use crate::error::{Context, Result};
pub(crate) use crate::remove::remove_all;

/// Makes `path` and its missing parents, mode 0700.
pub(crate) fn create_private(path: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(path).context("create directory", path)
}

/// Makes one directory with exactly `mode`, whatever the umask.
pub(crate) fn create_exact(path: &Path, mode: u32) -> Result<()> {
    fs::create_dir(path)?;
    fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(())
}

/// As [`create_exact`], but leaves a directory that is there as it is.
pub(crate) fn ensure(path: &Path, mode: u32) -> Result<()> {
    match create_exact(path, mode) {
        Err(crate::StorageError::File(error)) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Removes a file; nothing there is no error.
pub(crate) fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => Ok(other?),
    }
}

/// The contents of a file, or `None` where there is none.
pub(crate) fn read_optional(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(data) => Ok(Some(data)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
