//! Room on the host's disk.

use std::path::Path;

/// Bytes that an ordinary user may still write to the file system of `path`; `None` where that cannot be asked.
#[must_use]
pub(crate) fn free(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let found = rustix::fs::statvfs(path).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// Bytes that a file takes on its disk, without its holes.
///
/// # Errors
/// Any failure of the file system.
pub(crate) fn taken(path: &Path) -> std::io::Result<u64> {
    let metadata = cove_sys::fs::metadata(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Ok(metadata.blocks().saturating_mul(512))
    }
    #[cfg(not(unix))]
    Ok(metadata.len())
}

/// A number of bytes for a message, in the unit that leaves up to four digits.
#[must_use]
pub(crate) fn shown(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, size)| bytes >= *size) {
        Some((unit, size)) => format!("{:.1} {unit}", bytes as f64 / size as f64),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_take_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        cove_sys::fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
        assert!(taken(&path).unwrap() < 1 << 20);
        assert!(free(folder.path()).is_some_and(|bytes| bytes > 0));
    }

    #[test]
    fn sizes_have_a_fitting_unit() {
        for (bytes, text) in [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB")] {
            assert_eq!(shown(bytes), text);
        }
    }
}
