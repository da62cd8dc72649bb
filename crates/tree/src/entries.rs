//! Things of a tree as entries of a tar, one after the other: what every way of packing has in common.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use cove_archive::{Kind, Member, Writer};
use rustix::fs::{FileType, Stat};

use crate::error::{Context, Error, Result};

/// Bytes of a file that are read at once.
const PIECE: usize = 256 << 10;

/// What an archive says of a thing besides its name and contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its permissions.
    pub mode: u32,
    /// Seconds since 1970 of its last change.
    pub mtime: i64,
}

/// What an archive says of the thing on the disk.
pub type Shows<'a> = Box<dyn Fn(&Stat, Kind) -> Shown + 'a>;

/// A tar in the making.
pub struct Entries<'a> {
    tar: Writer<&'a mut dyn Write>,
    /// The first name of each inode that has several.
    links: HashMap<(u64, u64), Vec<u8>>,
    shows: Shows<'a>,
    buffer: Vec<u8>,
}

impl<'a> Entries<'a> {
    /// Begins one.
    pub fn new(out: &'a mut dyn Write, shows: Shows<'a>) -> Self {
        Self { tar: Writer::new(out), links: HashMap::new(), shows, buffer: vec![0; PIECE] }
    }

    /// Writes the end of the archive.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self) -> Result<()> {
        self.tar.finish().map(drop).map_err(Error::Output)
    }

    /// Writes a directory, without what is in it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn directory(&mut self, directory: BorrowedFd<'_>, stat: &Stat, name: &[u8]) -> Result<()> {
        let slashed = [name, b"/"].concat();
        let xattrs = kept_xattrs(directory);
        let member = self.member(stat, Kind::Directory, &slashed);
        self.put(&Member { xattrs: &xattrs, ..member })
    }

    /// Writes a file with as many bytes as `stat` announces, whatever happens to it meanwhile; answers how many of them
    /// were gone when they were to be read, and are zeros in the archive.
    ///
    /// # Errors
    /// It cannot be read, or the archive cannot be written.
    pub fn regular(&mut self, file: OwnedFd, stat: &Stat, name: &[u8]) -> Result<u64> {
        self.regular_shown(file, stat, name, &mut |_| {})
    }

    /// The same, with what is read of the file shown as well.
    ///
    /// # Errors
    /// As [`Entries::regular`].
    pub fn regular_shown(
        &mut self,
        file: OwnedFd,
        stat: &Stat,
        name: &[u8],
        show: &mut dyn FnMut(&[u8]),
    ) -> Result<u64> {
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        let xattrs = kept_xattrs(file.as_fd());
        let member = self.member(stat, Kind::File, name);
        self.put(&Member { size, xattrs: &xattrs, ..member })?;
        let mut file = File::from(file);
        let (mut left, mut gone) = (size, 0);
        while left > 0 {
            let limit = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE);
            let mut count = match file.read(&mut self.buffer[..limit]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other.context("read", name)?,
            };
            if count == 0 {
                self.buffer[..limit].fill(0);
                count = limit;
                gone += limit as u64;
            }
            show(&self.buffer[..count]);
            self.tar.data(&self.buffer[..count]).map_err(Error::Output)?;
            left -= count as u64;
        }
        self.tar.pad(size).map_err(Error::Output)?;
        Ok(gone)
    }

    /// Writes a symbolic link.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn symlink(&mut self, stat: &Stat, target: &[u8], name: &[u8]) -> Result<()> {
        let member = self.member(stat, Kind::Symlink, name);
        self.put(&Member { link: target, ..member })
    }

    /// Writes a device or a pipe. A socket means nothing without its process, and is left out.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn special(&mut self, stat: &Stat, name: &[u8]) -> Result<()> {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::CharacterDevice => Kind::CharDevice,
            FileType::BlockDevice => Kind::BlockDevice,
            FileType::Fifo => Kind::Fifo,
            _ => return Ok(()),
        };
        let device = match kind {
            Kind::Fifo => (0, 0),
            _ => (rustix::fs::major(stat.st_rdev as _), rustix::fs::minor(stat.st_rdev as _)),
        };
        let member = self.member(stat, kind, name);
        self.put(&Member { device: (device.0 as _, device.1 as _), ..member })
    }

    /// Writes a hard link where the inode was written under another name already, and answers whether it was.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn known_link(&mut self, stat: &Stat, name: &[u8]) -> Result<bool> {
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
        let Shown { uid, gid, mode, mtime } = (self.shows)(stat, kind);
        Member { uid, gid, mtime, ..Member::new(kind, name, mode) }
    }

    fn put(&mut self, member: &Member<'_>) -> Result<()> {
        self.tar.member(member).map_err(Error::Output)
    }
}

/// The attributes that an archive keeps: capabilities and the user's own.
#[cfg(target_os = "linux")]
#[must_use]
pub fn kept_xattrs(fd: BorrowedFd<'_>) -> Vec<(String, Vec<u8>)> {
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

/// None: they are known on Linux alone.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn kept_xattrs(_: BorrowedFd<'_>) -> Vec<(String, Vec<u8>)> {
    Vec::new()
}
