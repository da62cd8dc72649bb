//! Removing trees of any depth, without following links and without leaving the file system they are on.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::UnmountFlags;

use crate::error::{Context, Result};

/// Directories below this depth are moved up first, so that descriptors do not run out.
const MAX_DEPTH: usize = 64;

/// How often a mount on the way, or a name that comes back, is dealt with again.
const MAX_TRIES: usize = 64;

struct Level {
    directory: OwnedFd,
    name: CString,
    names: Vec<CString>,
}

/// Removes a file or a tree; nothing there is no error. What is mounted inside is unmounted, never emptied.
pub(crate) fn remove_all(path: &Path) -> Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Errno::INVAL).context("remove", path);
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = match rustix::fs::open(parent, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(()),
        other => other.context("open", parent)?,
    };
    remove_at(parent.as_fd(), name).context("remove", path)
}

/// As [`remove_all`], for a name in an open directory.
pub(crate) fn remove_at(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    let name = CString::new(name.as_bytes())?;
    if unlink(parent, &name)? {
        return Ok(());
    }
    let mut levels = vec![enter(parent, name)?];
    while let Some(level) = levels.last_mut() {
        let Some(name) = level.names.pop() else {
            let depth = levels.len();
            leave(parent, &mut levels, depth)?;
            continue;
        };
        if unlink(level.directory.as_fd(), &name)? {
            continue;
        }
        if levels.len() >= MAX_DEPTH && move_up(&mut levels, &name)? {
            continue;
        }
        let Some(level) = levels.last() else { break };
        let below = enter(level.directory.as_fd(), name)?;
        levels.push(below);
    }
    Ok(())
}

/// Removes what is no directory; `false` for a directory.
fn unlink(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<bool> {
    for _ in 0..MAX_TRIES {
        match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(true),
            Err(Errno::ISDIR | Errno::PERM) => return Ok(false),
            Err(Errno::BUSY) => unmount(parent, name)?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(Errno::BUSY.into())
}

fn enter(parent: BorrowedFd<'_>, name: CString) -> io::Result<Level> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    for _ in 0..MAX_TRIES {
        match rustix::fs::openat2(parent, name.as_c_str(), flags, Mode::empty(), resolve) {
            Ok(directory) => {
                let names = list(&directory)?;
                return Ok(Level { directory, name, names });
            }
            Err(Errno::XDEV) => unmount(parent, &name)?,
            Err(Errno::AGAIN | Errno::INTR) => {}
            // It was a file after all, and one that may not be removed.
            Err(Errno::NOTDIR) => return Err(Errno::PERM.into()),
            Err(error) => return Err(error.into()),
        }
    }
    Err(Errno::BUSY.into())
}

/// Removes the deepest directory, or lists it again where something came into it.
fn leave(parent: BorrowedFd<'_>, levels: &mut Vec<Level>, depth: usize) -> io::Result<()> {
    let above = if depth > 1 { levels[depth - 2].directory.as_fd() } else { parent };
    let level = &levels[depth - 1];
    match rustix::fs::unlinkat(above, level.name.as_c_str(), AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => {
            levels.pop();
            Ok(())
        }
        Err(Errno::NOTEMPTY) => {
            let names = list(&level.directory)?;
            if names.is_empty() {
                return Err(Errno::NOTEMPTY.into());
            }
            levels[depth - 1].names = names;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Moves a directory of the deepest level to the top of the tree, to be removed from there.
fn move_up(levels: &mut [Level], name: &CStr) -> io::Result<bool> {
    let random = crate::id::random_bytes::<8>().map_err(io::Error::other)?;
    let fresh = CString::new(format!(".deep-{}", crate::id::hex(&random)))?;
    let (Some(top), Some(level)) = (levels.first(), levels.last()) else { return Ok(false) };
    match rustix::fs::renameat(&level.directory, name, &top.directory, fresh.as_c_str()) {
        Ok(()) => levels[0].names.push(fresh),
        // A mount point; it is met when it is entered.
        Err(Errno::BUSY | Errno::XDEV) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    Ok(true)
}

fn unmount(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    let path = Path::new("/proc/self/fd").join(parent.as_raw_fd().to_string());
    let path = path.join(OsStr::from_bytes(name.to_bytes()));
    Ok(rustix::mount::unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW)?)
}

fn list(directory: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.as_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use cove_sys::fs;

    #[test]
    fn any_depth_is_removed_and_links_are_not_followed() {
        let scratch = Scratch::new("remove");
        let keep = scratch.path().join("keep");
        fs::create_dir(&keep).unwrap();
        fs::write(keep.join("file"), "").unwrap();
        let tree = scratch.path().join("tree");
        fs::create_dir(&tree).unwrap();
        fs_err::os::unix::fs::symlink(&keep, tree.join("link")).unwrap();
        let mut directory = rustix::fs::open(&tree, OFlags::DIRECTORY, Mode::empty()).unwrap();
        for level in 0..5000 {
            rustix::fs::mkdirat(&directory, "d", Mode::RWXU).unwrap();
            if level % 100 == 0 {
                rustix::fs::symlinkat("..", &directory, "up").unwrap();
            }
            directory = rustix::fs::openat(&directory, "d", OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
        drop(directory);
        remove_all(&tree).unwrap();
        assert!(!tree.exists());
        assert!(keep.join("file").exists());
        remove_all(&tree).unwrap();
        remove_all(&keep.join("file")).unwrap();
    }

    #[test]
    fn mounts_are_detached_and_not_emptied() {
        if !cove_test_support::met(&[cove_test_support::Need::Root]) {
            return;
        }
        let scratch = Scratch::new("remove-mount");
        let (keep, tree) = (scratch.path().join("keep"), scratch.path().join("tree"));
        fs::create_dir(&keep).unwrap();
        fs::write(keep.join("file"), "").unwrap();
        fs::create_dir_all(tree.join("sub/mount")).unwrap();
        fs::write(tree.join("sub/bound"), "").unwrap();
        if rustix::mount::mount_bind(&keep, tree.join("sub/mount")).is_err() {
            return cove_test_support::skip(cove_test_support::Need::Kernel, "may not mount");
        }
        rustix::mount::mount_bind(keep.join("file"), tree.join("sub/bound")).unwrap();
        remove_all(&tree).unwrap();
        assert!(!tree.exists());
        assert!(keep.join("file").exists());
    }
}
