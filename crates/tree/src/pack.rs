//! A file or a tree as tar.

use std::ffi::{CString, OsStr};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use cove_archive::lossy;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::entries::{Entries, Shown};
use crate::error::{Context, Error, Result};
use crate::remove::names_of;
use crate::root::{PLACE, Root};

/// Deeper trees are refused rather than followed until descriptors run out.
const MAX_DEPTH: usize = 900;

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
    let owners = packing.owners;
    let shows = move |stat: &Stat, _| {
        let (uid, gid) = owners(stat.st_uid, stat.st_gid);
        Shown { uid, gid, mode: stat.st_mode & 0o7777, mtime: stat.st_mtime }
    };
    let entries = Entries::new(out, Box::new(shows));
    let mut packer = Packer { entries, packing: *packing, shown: path.to_vec() };
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
            packer.entries.regular(file, &now, packing.name)?;
        }
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(&found, "", Vec::new()).context("read link", path)?;
            packer.entries.symlink(&stat, target.as_bytes(), packing.name)?;
        }
        _ => packer.entries.special(&stat, packing.name)?,
    }
    packer.entries.finish()
}

struct Packer<'a> {
    entries: Entries<'a>,
    packing: Packing<'a>,
    /// The path of the top, for messages.
    shown: Vec<u8>,
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
            self.entries.directory(top.as_fd(), stat, &name)?;
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
                self.entries.directory(directory.as_fd(), &stat, name)?;
                Ok(Some(directory))
            }
            FileType::RegularFile => {
                if self.entries.known_link(&stat, name)? {
                    return Ok(None);
                }
                let file = match open(OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY) {
                    Err(error) if gone(error) => return Ok(None),
                    other => other.context("open", name)?,
                };
                let now = rustix::fs::fstat(&file).context("look at", name)?;
                if FileType::from_raw_mode(now.st_mode).is_file() {
                    self.entries.regular(file, &now, name)?;
                }
                Ok(None)
            }
            FileType::Symlink => {
                let target = match rustix::fs::readlinkat(parent, own, Vec::new()) {
                    Err(error) if gone(error) || error == Errno::INVAL => return Ok(None),
                    other => other.context("read link", name)?,
                };
                self.entries.symlink(&stat, target.as_bytes(), name)?;
                Ok(None)
            }
            _ => self.entries.special(&stat, name).map(|()| None),
        }
    }
}

fn is_denied(error: &Error) -> bool {
    matches!(error, Error::System { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
}
