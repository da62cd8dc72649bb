//! Whole-file replacement that a crash cannot tear.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::fs;

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// Replaces `path` with `data`: a temporary file beside it, `fsync`, then `rename`.
///
/// A reader sees the old or the new contents, never a mix; after a power loss one of the two is there. The
/// file gets exactly `mode`, whatever the umask.
///
/// # Errors
/// Any failure of the file system; the temporary file is removed then.
pub fn write(path: &Path, data: &[u8], mode: u32) -> io::Result<()> {
    let temporary = temporary_name(path);
    let result = write_temporary(&temporary, data, mode).and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}

pub(crate) fn temporary_name(path: &Path) -> PathBuf {
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.{number}.tmp", std::process::id()));
    path.with_file_name(name)
}

fn write_temporary(path: &Path, data: &[u8], mode: u32) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use fs_err::os::unix::fs::OpenOptionsExt;
        options.mode(mode);
    }
    let mut file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    #[cfg(not(unix))]
    let _ = mode;
    file.write_all(data)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_and_leaves_no_temporary_file() {
        let folder = std::env::temp_dir().join(format!("cove-sys-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("state.json");
        write(&path, b"one", 0o600).unwrap();
        write(&path, b"two", 0o640).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }
}
