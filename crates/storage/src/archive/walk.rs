//! Walking a tree that others may be changing: by descriptors, following no symbolic link.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::error::{Context, Result, StorageError};

const OPEN_DIR: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Deeper trees are refused rather than followed until descriptors run out.
const MAX_DEPTH: usize = 2000;

/// One entry of a tree.
pub(super) struct Entry<'a> {
    /// Path relative to the root of the walk, without a leading slash.
    pub(super) path: &'a [u8],
    pub(super) name: &'a OsStr,
    pub(super) parent: BorrowedFd<'a>,
    pub(super) stat: &'a Stat,
}

impl Entry<'_> {
    pub(super) fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    /// Overlay's mark that the name is deleted in the layers below.
    pub(super) fn is_whiteout(&self) -> bool {
        self.kind() == FileType::CharacterDevice && self.stat.st_rdev == 0
    }

    /// Opens the entry for reading without following or blocking.
    pub(super) fn open(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::openat(self.parent, self.name, flags, Mode::empty())
    }
}

struct Level {
    directory: OwnedFd,
    /// Names still to visit, in reverse order.
    names: Vec<CString>,
    /// Length of the path of this directory.
    length: usize,
}

/// Visits everything below `root`, directories before their contents, names in byte order. Entries that
/// disappear meanwhile are left out.
pub(super) fn walk(root: &Path, visit: &mut dyn FnMut(&Entry<'_>) -> Result<()>) -> Result<()> {
    let directory = rustix::fs::open(root, OPEN_DIR, Mode::empty()).context("open", root)?;
    let names = names_of(&directory).context("list", root)?;
    let mut path: Vec<u8> = Vec::new();
    let mut levels = vec![Level { directory, names, length: 0 }];
    while let Some(level) = levels.last_mut() {
        let Some(name) = level.names.pop() else {
            levels.pop();
            continue;
        };
        path.truncate(level.length);
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name.as_bytes());
        let name = OsStr::from_bytes(name.as_bytes());
        let shown = || root.join(OsStr::from_bytes(&path));
        let stat = match rustix::fs::statat(&level.directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            other => other.context("look at", shown())?,
        };
        let entry = Entry { path: &path, name, parent: level.directory.as_fd(), stat: &stat };
        visit(&entry)?;
        if entry.kind() != FileType::Directory {
            continue;
        }
        match rustix::fs::openat(&level.directory, name, OPEN_DIR, Mode::empty()) {
            Ok(directory) => {
                if levels.len() >= MAX_DEPTH {
                    return Err(StorageError::Unsupported(format!(
                        "a tree of more than {MAX_DEPTH} levels ({})",
                        root.display()
                    )));
                }
                let names = names_of(&directory).context("list", shown())?;
                let length = path.len();
                levels.push(Level { directory, names, length });
            }
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
            Err(error) => return Err(error).context("open", shown()),
        }
    }
    Ok(())
}

fn names_of(directory: &OwnedFd) -> Result<Vec<CString>, Errno> {
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

/// What became of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It, or something below it, is different.
    Modified,
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
}

/// A difference between a layer and those below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The path in the container, absolute.
    pub path: PathBuf,
    /// What became of it.
    pub kind: ChangeKind,
}

/// What the overlay directory `upper` changes relative to `lowers` (nearest first), sorted by path.
pub(crate) fn changes(upper: &Path, lowers: &[PathBuf]) -> Result<Vec<Change>> {
    let mut roots = Vec::with_capacity(lowers.len());
    for lower in lowers {
        roots.push(rustix::fs::open(lower, OPEN_DIR, Mode::empty()).context("open", lower)?);
    }
    let mut found: Vec<Change> = Vec::new();
    // Directories that look unchanged, until something below them is seen.
    let mut silent: Vec<Vec<u8>> = Vec::new();
    walk(upper, &mut |entry| {
        let absolute = |path: &[u8]| Path::new("/").join(OsStr::from_bytes(path));
        silent.retain(|directory| is_below(entry.path, directory));
        let name = entry.name.as_bytes();
        let (path, kind) = if entry.is_whiteout() {
            (entry.path.to_vec(), ChangeKind::Deleted)
        } else if name.starts_with(b".wh..wh.") {
            return Ok(());
        } else if let Some(hidden) = name.strip_prefix(b".wh.") {
            let parent = &entry.path[..entry.path.len() - name.len()];
            ([parent, hidden].concat(), ChangeKind::Deleted)
        } else {
            match stat_below(&roots, entry.path) {
                None => (entry.path.to_vec(), ChangeKind::Added),
                Some(lower) => {
                    let same_directory = entry.kind() == FileType::Directory
                        && lower.st_mode == entry.stat.st_mode
                        && lower.st_uid == entry.stat.st_uid
                        && lower.st_gid == entry.stat.st_gid
                        && lower.st_mtime == entry.stat.st_mtime
                        && lower.st_mtime_nsec == entry.stat.st_mtime_nsec;
                    if same_directory {
                        silent.push(entry.path.to_vec());
                        return Ok(());
                    }
                    (entry.path.to_vec(), ChangeKind::Modified)
                }
            }
        };
        found.extend(
            silent.drain(..).map(|path| Change { path: absolute(&path), kind: ChangeKind::Modified }),
        );
        found.push(Change { path: absolute(&path), kind });
        Ok(())
    })?;
    found.sort();
    Ok(found)
}

fn is_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// What the layers below show at `path`, honouring their whiteouts and opaque directories.
fn stat_below(roots: &[OwnedFd], path: &[u8]) -> Option<Stat> {
    let ends: Vec<usize> = path
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'/')
        .map(|(index, _)| index)
        .chain([path.len()])
        .collect();
    for root in roots {
        let mut hides = false;
        for &end in &ends {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            let part = OsStr::from_bytes(&path[..end]);
            let Ok(fd) = rustix::fs::openat2(root, part, flags, Mode::empty(), resolve) else { break };
            let Ok(stat) = rustix::fs::fstat(&fd) else { break };
            let kind = FileType::from_raw_mode(stat.st_mode);
            if kind == FileType::CharacterDevice && stat.st_rdev == 0 {
                return None;
            }
            if end == path.len() {
                return Some(stat);
            }
            if kind != FileType::Directory {
                return None;
            }
            hides |= is_opaque_path(root, part);
        }
        if hides {
            return None;
        }
    }
    None
}

fn is_opaque_path(root: &OwnedFd, path: &OsStr) -> bool {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    rustix::fs::openat2(root, path, OPEN_DIR, Mode::empty(), resolve).is_ok_and(|fd| is_opaque(&fd))
}

/// Whether a directory hides what the layers below have in it.
pub(super) fn is_opaque(directory: impl AsFd) -> bool {
    ["trusted.overlay.opaque", "user.overlay.opaque", "user.fuseoverlayfs.opaque"].iter().any(|key| {
        let mut value = [0; 4];
        matches!(rustix::fs::fgetxattr(&directory, *key, &mut value), Ok(length) if value[..length] == *b"y")
    })
}

/// Bytes of the files below `root`, each inode once (as podman counts the size of a container).
pub fn tree_size(root: &Path) -> Result<u64> {
    let mut seen = std::collections::HashSet::new();
    let mut size: u64 = 0;
    walk(root, &mut |entry| {
        let counts = entry.kind() != FileType::Directory && entry.stat.st_size > 0;
        if counts && (entry.stat.st_nlink < 2 || seen.insert((entry.stat.st_dev, entry.stat.st_ino))) {
            size = size.saturating_add(u64::try_from(entry.stat.st_size).unwrap_or_default());
        }
        Ok(())
    })?;
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use cove_sys::fs;

    #[test]
    fn changes_are_told_apart() {
        let scratch = Scratch::new("changes");
        let (upper, lower) = (scratch.path().join("upper"), scratch.path().join("lower"));
        for path in ["upper/etc", "lower/etc", "upper/new/sub", "upper/same", "lower/same"] {
            fs::create_dir_all(scratch.path().join(path)).unwrap();
        }
        fs::write(upper.join("etc/hosts"), "a").unwrap();
        fs::write(lower.join("etc/hosts"), "b").unwrap();
        fs::write(upper.join("etc/.wh.passwd"), "").unwrap();
        fs::write(upper.join("new/sub/file"), "x").unwrap();
        for directory in ["etc", "same"] {
            let time = rustix::fs::Timespec { tv_sec: 1, tv_nsec: 0 };
            let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
            for root in [&upper, &lower] {
                let path = root.join(directory);
                rustix::fs::utimensat(rustix::fs::CWD, &path, &times, AtFlags::empty()).unwrap();
            }
        }
        let found = changes(&upper, &[lower]).unwrap();
        let found: Vec<(&str, ChangeKind)> =
            found.iter().map(|change| (change.path.to_str().unwrap(), change.kind)).collect();
        assert_eq!(
            found,
            [
                ("/etc", ChangeKind::Modified),
                ("/etc/hosts", ChangeKind::Modified),
                ("/etc/passwd", ChangeKind::Deleted),
                ("/new", ChangeKind::Added),
                ("/new/sub", ChangeKind::Added),
                ("/new/sub/file", ChangeKind::Added),
            ]
        );
        assert_eq!(tree_size(&upper).unwrap(), 2);
    }
}
