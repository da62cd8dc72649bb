//! Giving a mounted tree other owners, where the kernel cannot map them.

use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, Gid, Mode, Uid, XattrFlags};
use rustix::io::Errno;

use super::walk::{Entry, walk};
use crate::driver::to_host;
use crate::error::{Context, Result, StorageError};
use crate::record::IdMap;

const CAPABILITY: &str = "security.capability";

/// Changes the owners of everything in `root`, and of `root`, to the mapped ones.
pub(crate) fn shift_owners(root: &Path, users: &[IdMap], groups: &[IdMap]) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    let data = cove_sys::fs::metadata(root)?;
    let (user, group) = mapped(root, data.uid(), data.gid(), users, groups)?;
    std::os::unix::fs::chown(root, Some(user), Some(group)).context("set the owner of", root)?;
    walk(root, &mut |entry| {
        // A second name of a file whose owner was changed already.
        if entry.stat.st_nlink > 1
            && !entry.kind().is_dir()
            && !seen.insert((entry.stat.st_dev, entry.stat.st_ino))
        {
            return Ok(());
        }
        shift(root, entry, users, groups)
    })
}

fn mapped(path: &Path, user: u32, group: u32, users: &[IdMap], groups: &[IdMap]) -> Result<(u32, u32)> {
    to_host(users, user).zip(to_host(groups, group)).ok_or_else(|| {
        StorageError::Unsupported(format!(
            "an id mapping without the owner {user}:{group} of {}",
            path.display()
        ))
    })
}

fn shift(root: &Path, entry: &Entry<'_>, users: &[IdMap], groups: &[IdMap]) -> Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let shown = root.join(std::ffi::OsStr::from_bytes(entry.path));
    let (user, group) = mapped(&shown, entry.stat.st_uid, entry.stat.st_gid, users, groups)?;
    let through_fd = Path::new("/proc/self/fd").join(entry.parent.as_raw_fd().to_string()).join(entry.name);
    let mut capability = vec![0; 64];
    let capability = match rustix::fs::lgetxattr(&through_fd, CAPABILITY, &mut capability) {
        Ok(length) => Some(&capability[..length]),
        Err(_) => None,
    };
    rustix::fs::chownat(
        entry.parent,
        entry.name,
        Some(Uid::from_raw(user)),
        Some(Gid::from_raw(group)),
        AtFlags::SYMLINK_NOFOLLOW,
    )
    .context("set the owner of", &shown)?;
    // A change of owner takes the set-id bits and the capabilities away.
    if entry.kind().is_file() && entry.stat.st_mode & 0o6000 != 0 {
        let mode = Mode::from_raw_mode(entry.stat.st_mode & 0o7777);
        rustix::fs::chmodat(entry.parent, entry.name, mode, AtFlags::empty())
            .context("set the mode of", &shown)?;
    }
    if let Some(capability) = capability {
        match rustix::fs::lsetxattr(&through_fd, CAPABILITY, capability, XattrFlags::empty()) {
            Err(Errno::PERM | Errno::NOTSUP) => {}
            other => other.context("set the capabilities of", &shown)?,
        }
    }
    Ok(())
}
