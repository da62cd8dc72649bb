//! What one whole tree changes relative to another, for drivers that keep whole trees.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat};

use super::walk::{Change, ChangeKind, Entry, walk};
use crate::error::{Context, Result};

/// The differences of `tree` from `base` (nothing for `None`), sorted by path, with the directories above them.
/// Files count as equal when their attributes are, as in podman.
pub(crate) fn compare(tree: &Path, base: Option<&Path>) -> Result<Vec<Change>> {
    let mut found: BTreeMap<Vec<u8>, ChangeKind> = BTreeMap::new();
    let base_root = base.map(open).transpose()?;
    walk(tree, &mut |entry| {
        match base_root.as_ref().and_then(|root| stat_in(root, entry.path)) {
            None => {
                found.insert(entry.path.to_vec(), ChangeKind::Added);
            }
            Some(before) if differs(entry, &before) => {
                found.insert(entry.path.to_vec(), ChangeKind::Modified);
            }
            Some(_) => {}
        }
        Ok(())
    })?;
    if let Some(base) = base {
        let root = open(tree)?;
        let mut gone: Option<Vec<u8>> = None;
        walk(base, &mut |entry| {
            let within = gone.as_ref().is_some_and(|gone| {
                entry.path.strip_prefix(gone.as_slice()).is_some_and(|rest| rest.starts_with(b"/"))
            });
            if !within && stat_in(&root, entry.path).is_none() {
                gone = Some(entry.path.to_vec());
                // Below something that is no directory any more, nothing needs to be said.
                if is_directory(&root, parent_of(entry.path)) {
                    found.insert(entry.path.to_vec(), ChangeKind::Deleted);
                }
            }
            Ok(())
        })?;
    }
    let paths: Vec<Vec<u8>> = found.keys().cloned().collect();
    for path in paths {
        let mut above = parent_of(&path);
        while !above.is_empty() {
            found.entry(above.to_vec()).or_insert(ChangeKind::Modified);
            above = parent_of(above);
        }
    }
    let change = |(path, kind): (Vec<u8>, ChangeKind)| Change {
        path: Path::new("/").join(OsStr::from_bytes(&path)),
        kind,
    };
    Ok(found.into_iter().map(change).collect())
}

fn open(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).context("open", path)
}

fn stat_in(root: &OwnedFd, path: &[u8]) -> Option<Stat> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    // A symbolic link at the end is not resolved with O_PATH and O_NOFOLLOW, but NO_SYMLINKS refuses it, so
    // only the way to it is opened under that rule.
    let parent = parent_of(path);
    let parent = if parent.is_empty() { OsStr::new(".") } else { OsStr::from_bytes(parent) };
    let directory = rustix::fs::openat2(root, parent, flags, Mode::empty(), resolve).ok()?;
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    rustix::fs::statat(directory, OsStr::from_bytes(name), rustix::fs::AtFlags::SYMLINK_NOFOLLOW).ok()
}

fn is_directory(root: &OwnedFd, path: &[u8]) -> bool {
    path.is_empty() || stat_in(root, path).is_some_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir())
}

fn differs(entry: &Entry<'_>, before: &Stat) -> bool {
    let now = entry.stat;
    let attributes = now.st_mode != before.st_mode
        || now.st_uid != before.st_uid
        || now.st_gid != before.st_gid
        || now.st_rdev != before.st_rdev;
    // The size of a directory means nothing.
    let contents = !entry.kind().is_dir() && now.st_size != before.st_size;
    attributes || contents || now.st_mtime != before.st_mtime || now.st_mtime_nsec != before.st_mtime_nsec
}

fn parent_of(path: &[u8]) -> &[u8] {
    path.iter().rposition(|&byte| byte == b'/').map_or(&[], |slash| &path[..slash])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use cove_sys::fs;

    #[test]
    fn differences_are_found() {
        let scratch = Scratch::new("compare");
        let (base, tree) = (scratch.path().join("base"), scratch.path().join("tree"));
        for directory in ["etc/deep", "old/below"] {
            fs::create_dir_all(base.join(directory)).unwrap();
        }
        fs::write(base.join("etc/deep/file"), "1").unwrap();
        fs_err::os::unix::fs::symlink("etc", base.join("link")).unwrap();
        fs::create_dir(&tree).unwrap();
        super::super::copy_tree(&base, &tree).unwrap();
        assert!(compare(&tree, Some(&base)).unwrap().is_empty());
        fs::write(tree.join("etc/deep/file"), "22").unwrap();
        fs::write(tree.join("new"), "").unwrap();
        fs::remove_dir_all(tree.join("old")).unwrap();
        let found: Vec<String> = compare(&tree, Some(&base))
            .unwrap()
            .iter()
            .map(|change| format!("{:?} {}", change.kind, change.path.display()))
            .collect();
        assert_eq!(
            found,
            ["Modified /etc", "Modified /etc/deep", "Modified /etc/deep/file", "Added /new", "Deleted /old"]
        );
    }
}
