//! Writing a tree as tar (ustar with PAX records where needed), in the manner of podman's layers.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

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
    write_tree(root, maps, out, true)
}

/// Mappings of users and of groups.
pub(crate) type IdMaps = (Vec<IdMap>, Vec<IdMap>);

/// Writes what is below a directory as it is; sockets are left out.
pub(crate) fn write_tree_tar(root: &Path, maps: &IdMaps, out: &mut dyn Write) -> Result<()> {
    write_tree(root, maps, out, false)
}

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
    let mut writer = Writer { out, links: HashMap::new(), root, maps, is_layer: false };
    walk(root, &mut |entry| if wanted.contains(entry.path) { writer.entry(entry) } else { Ok(()) })?;
    for change in changes.iter().filter(|change| change.kind == ChangeKind::Deleted) {
        let path = relative(change);
        let base = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        let name = [&path[..base], b".wh.", &path[base..]].concat();
        let item = Item { name: &name, link: b"", flag: b'0', size: 0, device: 0, xattrs: Vec::new() };
        writer.header(&Numbers { mode: 0, uid: 0, gid: 0, seconds: 0 }, &item)?;
    }
    writer.put(&[0; 1024])
}

fn write_tree(root: &Path, maps: &IdMaps, out: &mut dyn Write, is_layer: bool) -> Result<()> {
    let mut writer = Writer { out, links: HashMap::new(), root, maps, is_layer };
    walk(root, &mut |entry| writer.entry(entry))?;
    writer.put(&[0; 1024])
}

struct Writer<'a> {
    out: &'a mut dyn Write,
    /// The first path of each inode that has several.
    links: HashMap<(u64, u64), Vec<u8>>,
    root: &'a Path,
    maps: &'a IdMaps,
    is_layer: bool,
}

/// What a header says besides the numbers of `stat`.
struct Item<'a> {
    name: &'a [u8],
    link: &'a [u8],
    flag: u8,
    size: u64,
    device: u64,
    xattrs: Vec<(String, Vec<u8>)>,
}

/// Mode, owner and time of an entry.
struct Numbers {
    mode: u32,
    uid: u32,
    gid: u32,
    seconds: i64,
}

impl From<&Entry<'_>> for Numbers {
    fn from(entry: &Entry<'_>) -> Self {
        let stat = entry.stat;
        Self { mode: stat.st_mode & 0o7777, uid: stat.st_uid, gid: stat.st_gid, seconds: stat.st_mtime }
    }
}

impl Writer<'_> {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<()> {
        let plain = |flag| Item { name: entry.path, link: b"", flag, size: 0, device: 0, xattrs: Vec::new() };
        if self.is_layer && entry.is_whiteout() {
            let parent = &entry.path[..entry.path.len() - entry.name.len()];
            let name = [parent, b".wh.", entry.name.as_bytes()].concat();
            return self.header(&entry.into(), &Item { name: &name, ..plain(b'0') });
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
                self.header(&entry.into(), &Item { link: target.as_bytes(), ..plain(b'2') })
            }
            FileType::CharacterDevice | FileType::BlockDevice => {
                if self.known_link(entry)? {
                    return Ok(());
                }
                let flag = if entry.kind() == FileType::CharacterDevice { b'3' } else { b'4' };
                self.header(&entry.into(), &Item { device: entry.stat.st_rdev, ..plain(flag) })
            }
            FileType::Fifo => self.header(&entry.into(), &plain(b'6')),
            // A socket means nothing without its process.
            _ => Ok(()),
        }
    }

    fn directory(&mut self, entry: &Entry<'_>) -> Result<()> {
        let directory = match entry.open() {
            Err(Errno::NOENT | Errno::LOOP) => return Ok(()),
            other => other.context("open", self.shown(entry))?,
        };
        let xattrs = self.xattrs(&directory, entry)?;
        let name = [entry.path, b"/"].concat();
        let item = Item { name: &name, link: b"", flag: b'5', size: 0, device: 0, xattrs };
        self.header(&entry.into(), &item)?;
        if self.is_layer && is_opaque(&directory) {
            let name = [entry.path, b"/.wh..wh..opq"].concat();
            let item = Item { name: &name, link: b"", flag: b'0', size: 0, device: 0, xattrs: Vec::new() };
            self.header(&entry.into(), &item)?;
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
        let item = Item { name: entry.path, link: b"", flag: b'0', size, device: 0, xattrs };
        self.header(&entry.into(), &item)?;
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
            self.put(&buffer[..count])?;
            left -= count as u64;
        }
        self.pad(size)
    }

    /// Writes a hard link where the inode was written under another name already.
    fn known_link(&mut self, entry: &Entry<'_>) -> Result<bool> {
        if entry.stat.st_nlink < 2 {
            return Ok(false);
        }
        let inode = (entry.stat.st_dev, entry.stat.st_ino);
        if let Some(first) = self.links.get(&inode).cloned() {
            let item =
                Item { name: entry.path, link: &first, flag: b'1', size: 0, device: 0, xattrs: Vec::new() };
            self.header(&entry.into(), &item)?;
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

    fn header(&mut self, numbers: &Numbers, item: &Item<'_>) -> Result<()> {
        let mut records = Vec::new();
        let mut block = [0; 512];
        let fits = |name: &[u8], limit: usize| name.len() <= limit && name.is_ascii();
        if fits(item.name, 100) {
            block[..item.name.len()].copy_from_slice(item.name);
        } else if let Some(slash) = ustar_split(item.name) {
            block[345..345 + slash].copy_from_slice(&item.name[..slash]);
            let rest = &item.name[slash + 1..];
            block[..rest.len()].copy_from_slice(rest);
        } else {
            pax(&mut records, "path", item.name);
            let short = &item.name[..item.name.len().min(100)];
            block[..short.len()].copy_from_slice(short);
        }
        let short = &item.link[..item.link.len().min(100)];
        block[157..157 + short.len()].copy_from_slice(short);
        if !fits(item.link, 100) {
            pax(&mut records, "linkpath", item.link);
        }
        octal(&mut block[100..108], u64::from(numbers.mode));
        // Owners that are not mapped cannot come from the container; they stay what they are.
        let (users, groups) = self.maps;
        let uid = to_container(users, numbers.uid).unwrap_or(numbers.uid);
        let gid = to_container(groups, numbers.gid).unwrap_or(numbers.gid);
        for (range, value, key) in [
            (108..116, u64::from(uid), "uid"),
            (116..124, u64::from(gid), "gid"),
            (124..136, item.size, "size"),
        ] {
            if !octal(&mut block[range], value) {
                pax(&mut records, key, value.to_string().as_bytes());
            }
        }
        let seconds = numbers.seconds;
        if !u64::try_from(seconds).is_ok_and(|seconds| octal(&mut block[136..148], seconds)) {
            octal(&mut block[136..148], 0);
            pax(&mut records, "mtime", seconds.to_string().as_bytes());
        }
        block[156] = item.flag;
        block[257..265].copy_from_slice(b"ustar\x0000");
        octal(&mut block[329..337], rustix::fs::major(item.device).into());
        octal(&mut block[337..345], rustix::fs::minor(item.device).into());
        for (name, value) in &item.xattrs {
            pax(&mut records, &format!("SCHILY.xattr.{name}"), value);
        }
        if !records.is_empty() {
            let mut extension = [0; 512];
            extension[..20].copy_from_slice(b"PaxHeaders.0/entry\0\0");
            octal(&mut extension[100..108], 0o644);
            octal(&mut extension[108..116], 0);
            octal(&mut extension[116..124], 0);
            octal(&mut extension[124..136], records.len() as u64);
            octal(&mut extension[136..148], 0);
            extension[156] = b'x';
            extension[257..265].copy_from_slice(b"ustar\x0000");
            self.put_header(&mut extension)?;
            self.put(&records)?;
            self.pad(records.len() as u64)?;
        }
        self.put_header(&mut block)
    }

    fn put_header(&mut self, block: &mut [u8; 512]) -> Result<()> {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        let text = format!("{sum:06o}\0 ");
        block[148..156].copy_from_slice(text.as_bytes());
        self.put(block)
    }

    fn pad(&mut self, size: u64) -> Result<()> {
        let padding = usize::try_from(size.wrapping_neg() % 512).unwrap_or_default();
        self.put(&[0; 512][..padding])
    }

    fn put(&mut self, data: &[u8]) -> Result<()> {
        self.out.write_all(data).map_err(StorageError::Stream)
    }

    fn shown(&self, entry: &Entry<'_>) -> std::path::PathBuf {
        self.root.join(std::ffi::OsStr::from_bytes(entry.path))
    }
}

/// Whether the directory that holds an entry is marked as opaque.
fn parent_is_opaque(entry: &Entry<'_>) -> bool {
    is_opaque(entry.parent)
}

/// Where a name divides into ustar's prefix (155) and name (100).
fn ustar_split(name: &[u8]) -> Option<usize> {
    if !name.is_ascii() || name.len() > 256 {
        return None;
    }
    // A trailing slash belongs to the name.
    let last = name.len().checked_sub(1)?;
    (1..last.min(156)).rev().find(|&index| name[index] == b'/' && name.len() - index - 1 <= 100)
}

/// Writes an octal field with a final NUL; `false` (and nothing written) where it does not fit.
fn octal(field: &mut [u8], value: u64) -> bool {
    let digits = field.len() - 1;
    let text = format!("{value:0digits$o}");
    if text.len() > digits {
        field.fill(b'0');
        field[digits] = 0;
        return false;
    }
    field[..digits].copy_from_slice(text.as_bytes());
    field[digits] = 0;
    true
}

/// Adds a record, whose length counts its own digits.
fn pax(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    if length.to_string().len() != rest.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_count_their_own_length() {
        for length in 0..300 {
            let mut records = Vec::new();
            pax(&mut records, "path", &vec![b'a'; length]);
            let text = String::from_utf8(records.clone()).unwrap();
            let (number, _) = text.split_once(' ').unwrap();
            assert_eq!(number.parse::<usize>().unwrap(), records.len());
        }
    }

    #[test]
    fn names_split_where_ustar_allows() {
        let name = [vec![b'a'; 120], b"/".to_vec(), vec![b'b'; 90]].concat();
        assert_eq!(ustar_split(&name), Some(120));
        assert_eq!(ustar_split(&[b'a'; 120]), None);
        assert!(octal(&mut [0; 8], 0o777_7777));
        assert!(!octal(&mut [0; 8], 0o1000_0000));
    }
}
