//! Removing what stands in the way of an entry.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

use crate::directories::{component, split};
use crate::error::{Context, Result};
use crate::root::{PLACE, Root};

/// Deeper trees are refused rather than followed until descriptors run out.
const MAX_DEPTH: usize = 512;

/// Removes what a path in a tree names, with all that is below it: a symbolic link itself, not what it leads to. What is
/// not there is no error.
///
/// # Errors
/// It cannot be removed; the path names the root.
pub fn remove(root: &Root, path: &[u8]) -> Result<()> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let (folder, name) = (split(path).0, component(path)?);
    match root.find(folder, PLACE | OFlags::DIRECTORY) {
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
        Err(errno) => Err(errno).context("open", folder),
        Ok(folder) => remove_at(folder.as_fd(), &name).context("remove", path),
    }
}

/// Removes a name in an open directory, with all that is below it. Links are removed, never followed; what is mounted
/// there is in use.
///
/// # Errors
/// The kernel's.
pub fn remove_at(parent: BorrowedFd<'_>, name: &CStr) -> std::result::Result<(), Errno> {
    if unlink(parent, name)? {
        return Ok(());
    }
    let mut levels: Vec<(OwnedFd, CString, Vec<CString>)> = vec![enter(parent, name)?];
    while let Some((directory, own, names)) = levels.last_mut() {
        let Some(name) = names.pop() else {
            let own = own.clone();
            levels.pop();
            let above = levels.last().map_or(parent, |(directory, _, _)| directory.as_fd());
            rustix::fs::unlinkat(above, own.as_c_str(), AtFlags::REMOVEDIR)?;
            continue;
        };
        if !unlink(directory.as_fd(), &name)? {
            let below = enter(directory.as_fd(), &name)?;
            if levels.len() >= MAX_DEPTH {
                return Err(Errno::MFILE);
            }
            levels.push(below);
        }
    }
    Ok(())
}

/// Removes what is no directory; `false` for a directory.
fn unlink(parent: BorrowedFd<'_>, name: &CStr) -> std::result::Result<bool, Errno> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::ISDIR | Errno::PERM) => {
            let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir() {
                Ok(false)
            } else {
                Err(Errno::PERM)
            }
        }
        Err(error) => Err(error),
    }
}

fn enter(
    parent: BorrowedFd<'_>,
    name: &CStr,
) -> std::result::Result<(OwnedFd, CString, Vec<CString>), Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(parent, name, flags, Mode::empty())?;
    let names = names_of(&directory)?;
    Ok((directory, name.to_owned(), names))
}

/// The names in a directory, in reverse order.
///
/// # Errors
/// The kernel's.
pub fn names_of(directory: &OwnedFd) -> std::result::Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.as_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}
