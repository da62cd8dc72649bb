//! Copying a tree and laying an unpacked layer over it, for the vfs driver.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Timespec, Timestamps, Uid, XattrFlags,
};
use rustix::io::Errno;

use super::walk::{Entry, walk};
use crate::error::{Context, Result};
use crate::remove::remove_at;

const OPEN_DIR: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The directory written to, and the directories whose times are set last.
struct Target<'a> {
    path: &'a Path,
    root: OwnedFd,
    times: Vec<(Vec<u8>, Timestamps)>,
}

impl<'a> Target<'a> {
    fn open(path: &'a Path) -> Result<Self> {
        let root = rustix::fs::open(path, OPEN_DIR, Mode::empty()).context("open", path)?;
        Ok(Self { path, root, times: Vec::new() })
    }

    /// Opens a directory of the target, through real directories only.
    fn directory(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let path = if path.is_empty() { OsStr::new(".") } else { OsStr::from_bytes(path) };
        rustix::fs::openat2(&self.root, path, OPEN_DIR, Mode::empty(), resolve)
    }

    fn shown(&self, path: &[u8]) -> PathBuf {
        self.path.join(OsStr::from_bytes(path))
    }

    /// Makes or takes over a directory and gives it what the source has.
    fn make_directory(&mut self, parent: &OwnedFd, entry: &Entry<'_>) -> Result<()> {
        match rustix::fs::mkdirat(parent, entry.name, Mode::RWXU) {
            Err(Errno::EXIST) => {
                let found = rustix::fs::statat(parent, entry.name, AtFlags::SYMLINK_NOFOLLOW)
                    .context("look at", self.shown(entry.path))?;
                if !FileType::from_raw_mode(found.st_mode).is_dir() {
                    remove_at(parent.as_fd(), entry.name).context("replace", self.shown(entry.path))?;
                    rustix::fs::mkdirat(parent, entry.name, Mode::RWXU)
                        .context("create directory", self.shown(entry.path))?;
                }
            }
            other => other.context("create directory", self.shown(entry.path))?,
        }
        copy_attributes(entry, parent.as_fd()).context("set the attributes of", self.shown(entry.path))?;
        self.times.push((entry.path.to_vec(), times(entry.stat)));
        Ok(())
    }

    fn set_times(&self) -> Result<()> {
        for (path, times) in self.times.iter().rev() {
            let directory = self.directory(path).context("open", self.shown(path))?;
            rustix::fs::futimens(&directory, times).context("set the time of", self.shown(path))?;
        }
        Ok(())
    }
}

/// Copies everything in `from` into the empty directory `to`, and what `from` itself is like.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let mut target = Target::open(to)?;
    let mut links: HashMap<(u64, u64), Vec<u8>> = HashMap::new();
    walk(from, &mut |entry| {
        let parent = target.directory(parent_of(entry)).context("open", target.shown(parent_of(entry)))?;
        if entry.kind().is_dir() {
            return target.make_directory(&parent, entry);
        }
        if entry.stat.st_nlink > 1 {
            let inode = (entry.stat.st_dev, entry.stat.st_ino);
            if let Some(first) = links.get(&inode) {
                return rustix::fs::linkat(
                    &target.root,
                    OsStr::from_bytes(first),
                    &parent,
                    entry.name,
                    AtFlags::empty(),
                )
                .context("create hard link", target.shown(entry.path));
            }
            links.insert(inode, entry.path.to_vec());
        }
        copy_entry(entry, &parent).context("copy", target.shown(entry.path))
    })?;
    target.set_times()?;
    let data = cove_sys::fs::metadata(from)?;
    std::os::unix::fs::chown(to, Some(data.uid()), Some(data.gid())).context("set the owner of", to)?;
    Ok(cove_sys::fs::set_permissions(to, std::fs::Permissions::from_mode(data.mode() & 0o7777))?)
}

/// Moves everything in `from` over what is in `to`, after removing what its whiteouts hide.
pub(crate) fn merge_tree(from: &Path, to: &Path) -> Result<()> {
    let mut target = Target::open(to)?;
    walk(from, &mut |entry| {
        let Some(hidden) = entry.name.as_bytes().strip_prefix(b".wh.") else { return Ok(()) };
        // Where the way is no directory in the target, there is nothing to hide.
        let Ok(parent) = target.directory(parent_of(entry)) else { return Ok(()) };
        if entry.name == ".wh..wh..opq" {
            return empty_directory(&parent).context("empty", target.shown(parent_of(entry)));
        }
        if matches!(hidden, b"" | b"." | b"..") || hidden.starts_with(b".wh.") {
            return Ok(());
        }
        match remove_at(parent.as_fd(), OsStr::from_bytes(hidden)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other.context("remove", target.shown(entry.path)),
        }
    })?;
    walk(from, &mut |entry| {
        if entry.name.as_bytes().starts_with(b".wh.") {
            return Ok(());
        }
        let parent = target.directory(parent_of(entry)).context("open", target.shown(parent_of(entry)))?;
        if entry.kind().is_dir() {
            return target.make_directory(&parent, entry);
        }
        match remove_at(parent.as_fd(), entry.name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("replace", target.shown(entry.path));
            }
            _ => {}
        }
        rustix::fs::renameat(entry.parent, entry.name, &parent, entry.name)
            .context("move", target.shown(entry.path))
    })?;
    target.set_times()
}

fn empty_directory(directory: &OwnedFd) -> std::io::Result<()> {
    for entry in rustix::fs::Dir::read_from(directory)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            remove_at(directory.as_fd(), name)?;
        }
    }
    Ok(())
}

fn copy_entry(entry: &Entry<'_>, parent: &OwnedFd) -> std::io::Result<()> {
    match entry.kind() {
        FileType::RegularFile => {
            let mut source = File::from(entry.open()?);
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let mut copy =
                File::from(rustix::fs::openat(parent, entry.name, flags, Mode::RUSR | Mode::WUSR)?);
            // Shares the blocks where the file system can; else the kernel copies.
            if rustix::fs::ioctl_ficlone(&copy, &source).is_err() {
                std::io::copy(&mut source, &mut copy)?;
            }
        }
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(entry.parent, entry.name, Vec::new())?;
            rustix::fs::symlinkat(target, parent, entry.name)?;
        }
        kind @ (FileType::CharacterDevice | FileType::BlockDevice | FileType::Fifo | FileType::Socket) => {
            rustix::fs::mknodat(parent, entry.name, kind, Mode::RUSR | Mode::WUSR, entry.stat.st_rdev)?;
        }
        _ => return Ok(()),
    }
    copy_attributes(entry, parent.as_fd())?;
    Ok(rustix::fs::utimensat(parent, entry.name, &times(entry.stat), AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Owner, mode and extended attributes, from the entry to its namesake in `parent`.
fn copy_attributes(entry: &Entry<'_>, parent: BorrowedFd<'_>) -> std::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(entry.stat.st_uid), Gid::from_raw(entry.stat.st_gid));
    rustix::fs::chownat(parent, entry.name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    if entry.kind() == FileType::Symlink {
        return Ok(());
    }
    let mode = Mode::from_raw_mode(entry.stat.st_mode & 0o7777);
    rustix::fs::chmodat(parent, entry.name, mode, AtFlags::empty())?;
    let path =
        |fd: BorrowedFd<'_>| Path::new("/proc/self/fd").join(fd.as_raw_fd().to_string()).join(entry.name);
    let (source, copy) = (path(entry.parent), path(parent));
    let mut names = vec![0; 64 * 1024];
    let Ok(length) = rustix::fs::llistxattr(&source, &mut names) else { return Ok(()) };
    for name in names[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 64 * 1024];
        let Ok(length) = rustix::fs::lgetxattr(&source, name, &mut value) else { continue };
        match rustix::fs::lsetxattr(&copy, name, &value[..length], XattrFlags::empty()) {
            // Labels and the like are not ours to copy.
            Ok(()) | Err(Errno::PERM | Errno::NOTSUP) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn parent_of<'a>(entry: &Entry<'a>) -> &'a [u8] {
    let end = entry.path.len() - entry.name.len();
    &entry.path[..end.saturating_sub(1)]
}

fn times(stat: &Stat) -> Timestamps {
    let time =
        |seconds, nanos: u64| Timespec { tv_sec: seconds, tv_nsec: i64::try_from(nanos).unwrap_or_default() };
    Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec),
    }
}
