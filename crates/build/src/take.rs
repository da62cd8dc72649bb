//! A selection as entries of a tar.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use cove_archive::{Kind, lossy};
use cove_tree::{Entries, Shown, kept_xattrs};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::error::{BuildError, Result};
use crate::notes::Notes;
use crate::select::{Item, MAX_DEPTH, Ownership, Placing, Selection, failed, joined, names_of};

/// Writes a selection.
pub(crate) struct Taker<'a> {
    entries: Entries<'a>,
    selection: &'a Selection<'a>,
    /// What is written is noted there, by its name in the selection.
    notes: Option<&'a mut Notes>,
    /// The first name of each inode that has several, for the notes.
    links: HashMap<(u64, u64), Vec<u8>>,
}

struct Level {
    directory: OwnedFd,
    stat: Stat,
    /// Names still to visit, in reverse order.
    names: Vec<CString>,
    /// Its path in the source.
    path: Vec<u8>,
    /// Its path in what is taken.
    inner: Vec<u8>,
    /// The same with the name that the whole gets.
    noted: Vec<u8>,
    /// Its name in the archive.
    name: Vec<u8>,
    /// It is in the archive already.
    written: bool,
}

impl<'a> Taker<'a> {
    pub(crate) fn new(
        selection: &'a Selection<'a>,
        placing: &Placing<'a>,
        out: &'a mut dyn Write,
        notes: Option<&'a mut Notes>,
    ) -> Self {
        let Placing { ownership, chmod, times, .. } = *placing;
        let shows = move |stat: &Stat, kind| {
            let (uid, gid) = match ownership {
                Ownership::Kept => (stat.st_uid, stat.st_gid),
                Ownership::Given(uid, gid) => (uid, gid),
            };
            let mode = stat.st_mode & 0o7777;
            let mode = match chmod {
                Some(chmod) if kind != Kind::Symlink => chmod.applied(mode, kind == Kind::Directory),
                _ => mode,
            };
            Shown { uid, gid, mode, mtime: if times { stat.st_mtime } else { 0 } }
        };
        Self { entries: Entries::new(out, Box::new(shows)), selection, notes, links: HashMap::new() }
    }

    pub(crate) fn tree(&mut self, item: &Item, name: &[u8]) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let top = self.selection.source.root.find(&item.path, flags);
        let top = top.map_err(|error| failed("open", &item.path, error.into()))?;
        let mut levels = vec![level(top, item.path.clone(), Vec::new(), item.name.clone(), name.to_vec())?];
        // The folder itself is the destination, whose mode is its own business, unless it is one of several parents.
        levels[0].written = item.name.is_empty();
        if !levels[0].written {
            self.directories(&mut levels)?;
        }
        while let Some(current) = levels.last_mut() {
            let Some(own) = current.names.pop() else {
                levels.pop();
                continue;
            };
            let path = joined(&current.path, own.to_bytes());
            let inner = joined(&current.inner, own.to_bytes());
            let noted = joined(&current.noted, own.to_bytes());
            let name = joined(&current.name, own.to_bytes());
            let fd = current.directory.as_fd();
            let is = match rustix::fs::statat(fd, own.as_c_str(), AtFlags::SYMLINK_NOFOLLOW) {
                // What has gone meanwhile is left out.
                Err(Errno::NOENT) => continue,
                other => other.map_err(|error| failed("look at", &path, error.into()))?,
            };
            let (ignore, exclude) = (self.selection.source.ignore, &self.selection.exclude);
            let hidden = ignore.ignores(&path) || exclude.ignores(&inner);
            if FileType::from_raw_mode(is.st_mode).is_dir() {
                if hidden && !ignore.has_exceptions() && !exclude.has_exceptions() {
                    continue;
                }
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let opened = rustix::fs::openat(fd, own.as_c_str(), flags, Mode::empty());
                let opened = opened.map_err(|error| failed("open", &path, error.into()))?;
                if levels.len() >= MAX_DEPTH {
                    return Err(BuildError::new(format!("a tree of more than {MAX_DEPTH} levels")));
                }
                levels.push(level(opened, path, inner, noted, name)?);
                if !hidden {
                    self.directories(&mut levels)?;
                }
            } else if !hidden {
                // A folder that is ignored is there for what is kept of it.
                self.directories(&mut levels)?;
                let parent = levels.last().map(|level| level.directory.as_fd());
                let parent = parent.unwrap_or_else(|| self.selection.source.root.as_fd());
                self.entry(parent, &own, &is, &path, &noted, &name)?;
            }
        }
        Ok(())
    }

    /// Writes the folders that are not written yet.
    fn directories(&mut self, levels: &mut [Level]) -> Result<()> {
        for level in levels.iter_mut().filter(|level| !level.written) {
            level.written = true;
            self.entries.directory(level.directory.as_fd(), &level.stat, &level.name)?;
            if let Some(notes) = &mut self.notes {
                notes.member(Kind::Directory, &level.noted, level.stat.st_mode & 0o7777, 0, b"");
                notes.attributes(&kept_xattrs(level.directory.as_fd()));
            }
        }
        Ok(())
    }

    pub(crate) fn file(&mut self, item: &Item, name: &[u8]) -> Result<()> {
        let (folder, own) = match item.path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&item.path[..slash], &item.path[slash + 1..]),
            None => (&b""[..], item.path.as_slice()),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let at = |error: Errno| failed("open", &item.path, error.into());
        let parent = self.selection.source.root.find(folder, flags).map_err(at)?;
        let own = CString::new(own).map_err(|_| BuildError::new("a name with a zero byte"))?;
        let is = rustix::fs::statat(&parent, own.as_c_str(), AtFlags::SYMLINK_NOFOLLOW).map_err(at)?;
        self.entry(parent.as_fd(), &own, &is, &item.path, &item.name, name)
    }

    fn entry(
        &mut self,
        parent: BorrowedFd<'_>,
        own: &CStr,
        is: &Stat,
        path: &[u8],
        noted: &[u8],
        name: &[u8],
    ) -> Result<()> {
        let at = |error: Errno| failed("read", path, error.into());
        let mode = is.st_mode & 0o7777;
        match FileType::from_raw_mode(is.st_mode) {
            FileType::RegularFile => {
                if self.entries.known_link(is, name)? {
                    self.note_link(is, noted);
                    return Ok(());
                }
                let flags =
                    OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = rustix::fs::openat(parent, own, flags, Mode::empty());
                let file = file.map_err(at)?;
                let now = rustix::fs::fstat(&file).map_err(at)?;
                if !FileType::from_raw_mode(now.st_mode).is_file() {
                    return Err(BuildError::new(format!("{:?} was replaced while it was read", lossy(path))));
                }
                match self.regular(file, &now, noted, name)? {
                    0 => Ok(()),
                    _ => {
                        Err(BuildError::new(format!("{:?} was made shorter while it was read", lossy(path))))
                    }
                }
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(parent, own, Vec::new()).map_err(at)?;
                if let Some(notes) = &mut self.notes {
                    notes.member(Kind::Symlink, noted, 0, 0, target.as_bytes());
                }
                Ok(self.entries.symlink(is, target.as_bytes(), name)?)
            }
            _ => {
                if let Some(notes) = &mut self.notes {
                    let which = format!("{:o} {}", is.st_mode, is.st_rdev);
                    notes.member(Kind::CharDevice, noted, mode, 0, which.as_bytes());
                }
                Ok(self.entries.special(is, name)?)
            }
        }
    }

    fn regular(&mut self, file: OwnedFd, stat: &Stat, noted: &[u8], name: &[u8]) -> Result<u64> {
        let Some(notes) = &mut self.notes else { return Ok(self.entries.regular(file, stat, name)?) };
        if stat.st_nlink > 1 {
            self.links.insert((stat.st_dev, stat.st_ino), noted.to_vec());
        }
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        notes.member(Kind::File, noted, stat.st_mode & 0o7777, size, b"");
        notes.attributes(&kept_xattrs(file.as_fd()));
        Ok(self.entries.regular_shown(file, stat, name, &mut |data| notes.data(data))?)
    }

    fn note_link(&mut self, stat: &Stat, noted: &[u8]) {
        if let Some(notes) = &mut self.notes {
            let first = self.links.get(&(stat.st_dev, stat.st_ino)).cloned().unwrap_or_default();
            notes.member(Kind::HardLink, noted, 0, 0, &first);
        }
    }
}

fn level(directory: OwnedFd, path: Vec<u8>, inner: Vec<u8>, noted: Vec<u8>, name: Vec<u8>) -> Result<Level> {
    let at = |error: Errno| failed("list", &path, error.into());
    let stat = rustix::fs::fstat(&directory).map_err(at)?;
    let mut names = names_of(&directory).map_err(at)?;
    names.reverse();
    Ok(Level { directory, stat, names, path, inner, noted, name, written: false })
}
