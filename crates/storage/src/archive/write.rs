//! Writing a tree as tar (ustar with PAX records where needed), in the manner of podman's layers.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use cove_archive::{Kind, Member, Writer};
use rustix::fs::FileType;
use rustix::io::Errno;

use super::walk::{Change, ChangeKind, Entry, is_opaque, walk};
use crate::driver::to_container;
use crate::error::{Context, Result, StorageError};
use crate::record::IdMap;

/// Writes what is below an overlay layer's own directory, with whiteouts as archives have them.
///
/// `maps` are the id mappings (users, groups) the files have on the disk; empty for none.
pub(crate) fn write_layer_tar(root: &Path, maps: &IdMaps, out: &mut dyn Write) -> Result<()> {
    let mut writer = TreeWriter { tar: Writer::new(out), links: HashMap::new(), root, maps, is_layer: true };
    walk(root, &mut |entry| writer.entry(entry))?;
    writer.finish()
}

/// Mappings of users and of groups.
pub(crate) type IdMaps = (Vec<IdMap>, Vec<IdMap>);

/// Writes those entries of a whole tree that `changes` names, and whiteouts for what is deleted.
pub(crate) fn write_changes_tar(
    root: &Path,
    changes: &[Change],
    maps: &IdMaps,
    out: &mut dyn Write,
) -> Result<()> {
    let relative = |change: &Change| {
        let path = change.path.strip_prefix("/").unwrap_or(&change.path);
        path.as_os_str().as_bytes().to_vec()
    };
    let wanted: HashSet<Vec<u8>> =
        changes.iter().filter(|change| change.kind != ChangeKind::Deleted).map(relative).collect();
    let mut writer = TreeWriter { tar: Writer::new(out), links: HashMap::new(), root, maps, is_layer: false };
    walk(root, &mut |entry| if wanted.contains(entry.path) { writer.entry(entry) } else { Ok(()) })?;
    for change in changes.iter().filter(|change| change.kind == ChangeKind::Deleted) {
        let path = relative(change);
        let base = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        let name = [&path[..base], b".wh.", &path[base..]].concat();
        writer.put(&Member::new(Kind::File, &name, 0))?;
    }
    writer.finish()
}

struct TreeWriter<'a> {
    tar: Writer<&'a mut dyn Write>,
    /// The first path of each inode that has several.
    links: HashMap<(u64, u64), Vec<u8>>,
    root: &'a Path,
    maps: &'a IdMaps,
    is_layer: bool,
}

impl TreeWriter<'_> {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<()> {
        if self.is_layer && entry.is_whiteout() {
            let parent = &entry.path[..entry.path.len() - entry.name.len()];
            let name = [parent, b".wh.", entry.name.as_bytes()].concat();
            return self.put(&self.member(entry, Kind::File, &name));
        }
        // fuse-overlayfs leaves both the file and the attribute, which was written with the directory.
        if self.is_layer && entry.name == ".wh..wh..opq" && parent_is_opaque(entry) {
            return Ok(());
        }
        match entry.kind() {
            FileType::Directory => self.directory(entry),
            FileType::RegularFile => self.file(entry),
            FileType::Symlink => {
                let target = match rustix::fs::readlinkat(entry.parent, entry.name, Vec::new()) {
                    Err(Errno::NOENT | Errno::INVAL) => return Ok(()),
                    other => other.context("read link", self.shown(entry))?,
                };
                if self.known_link(entry)? {
                    return Ok(());
                }
                let member = self.member(entry, Kind::Symlink, entry.path);
                self.put(&Member { link: target.as_bytes(), ..member })
            }
            FileType::CharacterDevice | FileType::BlockDevice => {
                if self.known_link(entry)? {
                    return Ok(());
                }
                let is_char = entry.kind() == FileType::CharacterDevice;
                let kind = if is_char { Kind::CharDevice } else { Kind::BlockDevice };
                let device = entry.stat.st_rdev;
                let device = (rustix::fs::major(device), rustix::fs::minor(device));
                self.put(&Member { device, ..self.member(entry, kind, entry.path) })
            }
            FileType::Fifo => self.put(&self.member(entry, Kind::Fifo, entry.path)),
            // A socket means nothing without its process.
            _ => Ok(()),
        }
    }

    /// An entry under `name` with the mode, the owner in the container, and the time that it has.
    fn member<'a>(&self, entry: &Entry<'_>, kind: Kind, name: &'a [u8]) -> Member<'a> {
        let (stat, (users, groups)) = (entry.stat, self.maps);
        Member {
            // Owners that are not mapped cannot come from the container; they stay what they are.
            uid: to_container(users, stat.st_uid).unwrap_or(stat.st_uid),
            gid: to_container(groups, stat.st_gid).unwrap_or(stat.st_gid),
            mtime: stat.st_mtime,
            ..Member::new(kind, name, stat.st_mode & 0o7777)
        }
    }

    fn directory(&mut self, entry: &Entry<'_>) -> Result<()> {
        let directory = match entry.open() {
            Err(Errno::NOENT | Errno::LOOP) => return Ok(()),
            other => other.context("open", self.shown(entry))?,
        };
        let xattrs = self.xattrs(&directory, entry)?;
        let name = [entry.path, b"/"].concat();
        self.put(&Member { xattrs: &xattrs, ..self.member(entry, Kind::Directory, &name) })?;
        if self.is_layer && is_opaque(&directory) {
            let name = [entry.path, b"/.wh..wh..opq"].concat();
            self.put(&self.member(entry, Kind::File, &name))?;
        }
        Ok(())
    }

    fn file(&mut self, entry: &Entry<'_>) -> Result<()> {
        if self.known_link(entry)? {
            return Ok(());
        }
        let fd = match entry.open() {
            Err(Errno::NOENT | Errno::LOOP) => return Ok(()),
            other => other.context("open", self.shown(entry))?,
        };
        let stat = rustix::fs::fstat(&fd).context("look at", self.shown(entry))?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Ok(());
        }
        let xattrs = self.xattrs(&fd, entry)?;
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        let member = self.member(entry, Kind::File, entry.path);
        self.put(&Member { size, xattrs: &xattrs, ..member })?;
        self.contents(&mut File::from(fd), size, entry)
    }

    /// Copies exactly `size` bytes; a file that became shorter is filled up with zeros, as GNU tar does.
    fn contents(&mut self, file: &mut File, size: u64, entry: &Entry<'_>) -> Result<()> {
        let mut buffer = vec![0; 128 * 1024];
        let mut left = size;
        while left > 0 {
            let limit = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let count = match file.read(&mut buffer[..limit]) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                other => other.context("read", self.shown(entry))?,
            };
            let count = if count == 0 {
                buffer[..limit].fill(0);
                limit
            } else {
                count
            };
            self.tar.data(&buffer[..count]).map_err(StorageError::Stream)?;
            left -= count as u64;
        }
        self.tar.pad(size).map_err(StorageError::Stream)
    }

    /// Writes a hard link where the inode was written under another name already.
    fn known_link(&mut self, entry: &Entry<'_>) -> Result<bool> {
        if entry.stat.st_nlink < 2 {
            return Ok(false);
        }
        let inode = (entry.stat.st_dev, entry.stat.st_ino);
        if let Some(first) = self.links.get(&inode).cloned() {
            let member = self.member(entry, Kind::HardLink, entry.path);
            self.put(&Member { link: &first, ..member })?;
            return Ok(true);
        }
        self.links.insert(inode, entry.path.to_vec());
        Ok(false)
    }

    fn xattrs(&self, fd: &std::os::fd::OwnedFd, entry: &Entry<'_>) -> Result<Vec<(String, Vec<u8>)>> {
        let mut list = vec![0; 64 * 1024];
        let length = match rustix::fs::flistxattr(fd, &mut list) {
            Err(Errno::NOTSUP) => return Ok(Vec::new()),
            other => other.context("list attributes of", self.shown(entry))?,
        };
        let mut found = Vec::new();
        for name in list[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
            let Ok(name) = std::str::from_utf8(name) else { continue };
            let overlay = ["trusted.overlay.", "user.overlay.", "user.fuseoverlayfs."]
                .iter()
                .find_map(|prefix| name.strip_prefix(prefix));
            if self.is_layer && matches!(overlay, Some("redirect" | "metacopy")) {
                return Err(StorageError::Unsupported(format!(
                    "writing {} as a layer, since overlay keeps it elsewhere ({name})",
                    self.shown(entry).display()
                )));
            }
            // What podman keeps in layers: capabilities and the user's own attributes.
            if overlay.is_some() || !(name == "security.capability" || name.starts_with("user.")) {
                continue;
            }
            let mut value = vec![0; 64 * 1024];
            match rustix::fs::fgetxattr(fd, name, &mut value) {
                Ok(length) => {
                    value.truncate(length);
                    found.push((name.to_owned(), value));
                }
                Err(Errno::NODATA) => {}
                Err(error) => return Err(error).context("read an attribute of", self.shown(entry)),
            }
        }
        Ok(found)
    }

    fn put(&mut self, member: &Member<'_>) -> Result<()> {
        self.tar.member(member).map_err(StorageError::Stream)
    }

    fn finish(self) -> Result<()> {
        self.tar.finish().map(drop).map_err(StorageError::Stream)
    }

    fn shown(&self, entry: &Entry<'_>) -> std::path::PathBuf {
        self.root.join(std::ffi::OsStr::from_bytes(entry.path))
    }
}

/// Whether the directory that holds an entry is marked as opaque.
fn parent_is_opaque(entry: &Entry<'_>) -> bool {
    is_opaque(entry.parent)
}
