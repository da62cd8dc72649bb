//! A file or a tree as tar.

use std::collections::HashMap;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use cove_archive::{Kind, Member, Writer, lossy};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::error::{Context, Error, Result};
use crate::remove::names_of;
use crate::root::{PLACE, Root};

/// Deeper trees are refused rather than followed until descriptors run out.
const MAX_DEPTH: usize = 900;
/// Bytes of a file that are read at once.
const PIECE: usize = 256 << 10;

/// Which owner (user and group) an archive names for the one on the disk, or the other way round.
pub type Owners<'a> = &'a dyn Fn(u32, u32) -> (u32, u32);

/// How a tree is packed.
#[derive(Clone, Copy)]
pub struct Packing<'a> {
    /// The name that it has in the archive; empty for the contents of a directory alone.
    pub name: &'a [u8],
    /// The directory itself is in the archive even where its name is `.`.
    pub with_root: bool,
    /// Names in the directory that are left out.
    pub skip: &'a [&'a str],
    /// The owners in the archive.
    pub owners: Owners<'a>,
    /// What may not be read is left out.
    pub unreadable: bool,
    /// Where the path names a symbolic link, what it leads to is packed.
    pub follow: bool,
}

/// Writes what `path` names as a tar, to its end.
///
/// # Errors
/// There is nothing, or it cannot be read; writing failed.
pub fn pack(root: &Root, path: &[u8], packing: &Packing<'_>, out: &mut dyn Write) -> Result<()> {
    let link = if packing.follow { OFlags::empty() } else { OFlags::NOFOLLOW };
    let found = root.find(path, PLACE | link).context("open", path)?;
    let stat = rustix::fs::fstat(&found).context("look at", path)?;
    let mut packer = Packer {
        tar: Writer::new(out),
        links: HashMap::new(),
        packing: *packing,
        shown: path.to_vec(),
        buffer: vec![0; PIECE],
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let directory = rustix::fs::openat(&found, ".", flags, Mode::empty()).context("open", path)?;
            packer.tree(directory, &stat)?;
        }
        FileType::RegularFile => {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | link;
            let file = root.find(path, flags).context("open", path)?;
            let now = rustix::fs::fstat(&file).context("look at", path)?;
            if (now.st_dev, now.st_ino) != (stat.st_dev, stat.st_ino) {
                return Err(Error::Refused(format!("{} was replaced while it was copied", lossy(path))));
            }
            packer.regular(file, &now, packing.name)?;
        }
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(&found, "", Vec::new()).context("read link", path)?;
            let member = packer.member(&stat, Kind::Symlink, packing.name);
            packer.put(&Member { link: target.as_bytes(), ..member })?;
        }
        kind => packer.special(kind, &stat, packing.name)?,
    }
    packer.tar.finish().map(drop).map_err(Error::Output)
}

struct Packer<'a> {
    tar: Writer<&'a mut dyn Write>,
    /// The first name of each inode that has several.
    links: HashMap<(u64, u64), Vec<u8>>,
    packing: Packing<'a>,
    /// The path of the top, for messages.
    shown: Vec<u8>,
    buffer: Vec<u8>,
}

struct Level {
    directory: OwnedFd,
    /// Names still to visit, in reverse order.
    names: Vec<CString>,
    /// Length of the name of this directory.
    length: usize,
}

impl Packer<'_> {
    fn tree(&mut self, top: OwnedFd, stat: &Stat) -> Result<()> {
        let mut name = self.packing.name.to_vec();
        if !name.is_empty() && (self.packing.with_root || name != b".") {
            self.directory(&top, stat, &name)?;
        }
        let mut names = names_of(&top).context("list", &self.shown)?;
        names.retain(|name| !self.packing.skip.iter().any(|skip| skip.as_bytes() == name.as_bytes()));
        let mut levels = vec![Level { directory: top, names, length: name.len() }];
        while let Some(level) = levels.last_mut() {
            let Some(own) = level.names.pop() else {
                levels.pop();
                continue;
            };
            name.truncate(level.length);
            if !name.is_empty() {
                name.push(b'/');
            }
            name.extend_from_slice(own.as_bytes());
            match self.entry(level.directory.as_fd(), OsStr::from_bytes(own.as_bytes()), &name) {
                Ok(None) => {}
                Ok(Some(directory)) => {
                    if levels.len() >= MAX_DEPTH {
                        return Err(Error::Refused(format!("a tree of more than {MAX_DEPTH} levels")));
                    }
                    let names = names_of(&directory).context("list", &name)?;
                    levels.push(Level { directory, names, length: name.len() });
                }
                Err(error) if self.packing.unreadable && is_denied(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Packs an entry; answers the directory that is to be visited. What has gone meanwhile is left out.
    fn entry(&mut self, parent: BorrowedFd<'_>, own: &OsStr, name: &[u8]) -> Result<Option<OwnedFd>> {
        let gone = |error| matches!(error, Errno::NOENT | Errno::LOOP | Errno::NOTDIR);
        let stat = match rustix::fs::statat(parent, own, AtFlags::SYMLINK_NOFOLLOW) {
            Err(error) if gone(error) => return Ok(None),
            other => other.context("look at", name)?,
        };
        let open = |flags: OFlags| {
            rustix::fs::openat(parent, own, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let directory = match open(OFlags::RDONLY | OFlags::DIRECTORY) {
                    Err(error) if gone(error) => return Ok(None),
                    other => other.context("open", name)?,
                };
                self.directory(&directory, &stat, name)?;
                Ok(Some(directory))
            }
            FileType::RegularFile => {
                if self.known_link(&stat, name)? {
                    return Ok(None);
                }
                let file = match open(OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY) {
                    Err(error) if gone(error) => return Ok(None),
                    other => other.context("open", name)?,
                };
                let now = rustix::fs::fstat(&file).context("look at", name)?;
                if FileType::from_raw_mode(now.st_mode).is_file() {
                    self.regular(file, &now, name)?;
                }
                Ok(None)
            }
            FileType::Symlink => {
                let target = match rustix::fs::readlinkat(parent, own, Vec::new()) {
                    Err(error) if gone(error) || error == Errno::INVAL => return Ok(None),
                    other => other.context("read link", name)?,
                };
                let member = self.member(&stat, Kind::Symlink, name);
                self.put(&Member { link: target.as_bytes(), ..member })?;
                Ok(None)
            }
            kind => self.special(kind, &stat, name).map(|()| None),
        }
    }

    fn directory(&mut self, directory: &OwnedFd, stat: &Stat, name: &[u8]) -> Result<()> {
        let slashed = [name, b"/"].concat();
        let xattrs = xattrs(directory.as_fd());
        let member = self.member(stat, Kind::Directory, &slashed);
        self.put(&Member { xattrs: &xattrs, ..member })
    }

    /// Writes a file with as many bytes as were announced, whatever happens to it meanwhile.
    fn regular(&mut self, file: OwnedFd, stat: &Stat, name: &[u8]) -> Result<()> {
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        let xattrs = xattrs(file.as_fd());
        let member = self.member(stat, Kind::File, name);
        self.put(&Member { size, xattrs: &xattrs, ..member })?;
        let mut file = File::from(file);
        let mut left = size;
        while left > 0 {
            let limit = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE);
            let count = match file.read(&mut self.buffer[..limit]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other.context("read", name)?,
            };
            if count == 0 {
                self.buffer[..limit].fill(0);
            }
            let count = if count == 0 { limit } else { count };
            self.tar.data(&self.buffer[..count]).map_err(Error::Output)?;
            left -= count as u64;
        }
        self.tar.pad(size).map_err(Error::Output)
    }

    fn special(&mut self, kind: FileType, stat: &Stat, name: &[u8]) -> Result<()> {
        let kind = match kind {
            FileType::CharacterDevice => Kind::CharDevice,
            FileType::BlockDevice => Kind::BlockDevice,
            FileType::Fifo => Kind::Fifo,
            // A socket means nothing without its process.
            _ => return Ok(()),
        };
        let device = match kind {
            Kind::Fifo => (0, 0),
            _ => (rustix::fs::major(stat.st_rdev as _), rustix::fs::minor(stat.st_rdev as _)),
        };
        let member = self.member(stat, kind, name);
        self.put(&Member { device: (device.0 as _, device.1 as _), ..member })
    }

    /// Writes a hard link where the inode was written under another name already.
    fn known_link(&mut self, stat: &Stat, name: &[u8]) -> Result<bool> {
        if stat.st_nlink < 2 {
            return Ok(false);
        }
        let inode = (stat.st_dev, stat.st_ino);
        if let Some(first) = self.links.get(&inode).cloned() {
            let member = self.member(stat, Kind::HardLink, name);
            self.put(&Member { link: &first, ..member })?;
            return Ok(true);
        }
        self.links.insert(inode, name.to_vec());
        Ok(false)
    }

    fn member<'n>(&self, stat: &Stat, kind: Kind, name: &'n [u8]) -> Member<'n> {
        let (uid, gid) = (self.packing.owners)(stat.st_uid, stat.st_gid);
        let mtime = stat.st_mtime;
        Member { uid, gid, mtime, ..Member::new(kind, name, stat.st_mode & 0o7777) }
    }

    fn put(&mut self, member: &Member<'_>) -> Result<()> {
        self.tar.member(member).map_err(Error::Output)
    }
}

fn is_denied(error: &Error) -> bool {
    matches!(error, Error::System { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
}

/// The attributes that are kept: capabilities and the user's own.
#[cfg(target_os = "linux")]
fn xattrs(fd: BorrowedFd<'_>) -> Vec<(String, Vec<u8>)> {
    let mut list = [0; 4 << 10];
    // What has none, or more than fits, is kept without: as on file systems that know no attributes.
    let Ok(length) = rustix::fs::flistxattr(fd, &mut list) else { return Vec::new() };
    let mut found = Vec::new();
    for name in list[..length].split(|&byte| byte == 0) {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        let of_overlay = name.starts_with("user.overlay.") || name.starts_with("user.fuseoverlayfs.");
        if of_overlay || !(name == "security.capability" || name.starts_with("user.")) {
            continue;
        }
        let mut value = vec![0; 64 << 10];
        if let Ok(length) = rustix::fs::fgetxattr(fd, name, &mut value) {
            value.truncate(length);
            found.push((name.to_owned(), value));
        }
    }
    found
}

#[cfg(not(target_os = "linux"))]
fn xattrs(_: BorrowedFd<'_>) -> Vec<(String, Vec<u8>)> {
    Vec::new()
}
