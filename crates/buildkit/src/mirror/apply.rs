//! A transfer of files, applied to a folder: what is named is made, what is not named goes.
//!
//! Everything comes from outside: names are checked to be names, and must come in their order, folders before what is in
//! them; every call is made through the descriptor of the folder; a file is written aside and gets its name when it is whole,
//! with its time, so that one that looks the same as the client's is.

use std::collections::{HashMap, HashSet};
use std::ffi::CString;
use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};

use cove_api::{Error, Result};
use cove_tree::{Root, names_of, remove_at};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat as FileStat, Timespec, Timestamps};
use rustix::io::Errno;

use crate::messages::{Packet, PacketKind, Stat};

/// Most files, folders and links.
const MAX_ENTRIES: u32 = 1_000_000;
/// Most bytes of all their names.
const MAX_NAMES: usize = 128 << 20;
/// Longest path, in bytes.
const MAX_PATH: usize = 4000;
/// Deepest folder.
const MAX_DEPTH: usize = 256;
/// Most files that are under way at a time; clients send four.
const MAX_OPEN: usize = 64;

/// Go's bits of types and permissions.
mod go {
    pub(super) const DIRECTORY: u32 = 1 << 31;
    pub(super) const SYMLINK: u32 = 1 << 27;
    pub(super) const PIPE: u32 = 1 << 25;
    pub(super) const SET_USER: u32 = 1 << 23;
    pub(super) const SET_GROUP: u32 = 1 << 22;
    pub(super) const STICKY: u32 = 1 << 20;
    /// All bits of types: with devices, sockets and what is none of all.
    pub(super) const TYPE: u32 = DIRECTORY | SYMLINK | PIPE | 1 << 26 | 1 << 24 | 1 << 21 | 1 << 19;
}

/// What came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// Files, folders and links that there are.
    pub(crate) entries: u32,
    /// Files that were sent.
    pub(crate) files: u32,
    /// Bytes of them.
    pub(crate) bytes: u64,
}

/// A transfer under way.
pub(crate) struct Apply {
    root: Root,
    /// Where files are until they are whole.
    parts: Root,
    /// The folders down to where the names are.
    levels: Vec<Level>,
    names: usize,
    /// All is named.
    is_named: bool,
    /// Files that are asked for and not whole.
    awaited: HashMap<u32, Awaited>,
    open: HashMap<u32, std::fs::File>,
    /// Names of files that have others, with those.
    links: Vec<(Vec<u8>, Vec<u8>)>,
    /// Folders and their times, which change while something is put into them.
    times: Vec<(Vec<u8>, i64)>,
    received: Received,
}

/// A folder whose contents are being named.
struct Level {
    path: Vec<u8>,
    names: HashSet<Vec<u8>>,
    last: Vec<u8>,
}

/// A file that is asked for.
struct Awaited {
    path: Vec<u8>,
    mode: Mode,
    modified: i64,
    size: u64,
    written: u64,
    attributes: Vec<(String, Vec<u8>)>,
}

impl Apply {
    /// One to a folder, with a folder of the same file system for what is under way.
    pub(crate) fn new(root: Root, parts: Root) -> Self {
        let top = Level { path: Vec::new(), names: HashSet::new(), last: Vec::new() };
        Self {
            root,
            parts,
            levels: vec![top],
            names: 0,
            is_named: false,
            awaited: HashMap::new(),
            open: HashMap::new(),
            links: Vec::new(),
            times: Vec::new(),
            received: Received::default(),
        }
    }

    /// Whether all is there but for [`Apply::finish`].
    pub(crate) fn is_complete(&self) -> bool {
        self.is_named && self.awaited.is_empty()
    }

    /// Does what a packet says; answers the number of a file whose contents are wanted.
    ///
    /// # Errors
    /// It is no packet of a transfer, or cannot be done.
    pub(crate) fn packet(&mut self, packet: Packet) -> Result<Option<u32>> {
        match (PacketKind::try_from(packet.kind), packet.stat) {
            (Ok(PacketKind::Stat), None) => {
                self.leave(0)?;
                self.is_named = true;
                Ok(None)
            }
            (Ok(PacketKind::Stat), Some(_)) if self.is_named => {
                Err(Error::invalid("a name comes after the last"))
            }
            (Ok(PacketKind::Stat), Some(stat)) => self.entry(&stat),
            (Ok(PacketKind::Data), _) => self.data(packet.id, &packet.data).map(|()| None),
            (Ok(PacketKind::Error), _) => {
                Err(Error::invalid(format!("the client: {}", String::from_utf8_lossy(&packet.data))))
            }
            _ => Err(Error::invalid("a packet that belongs to no transfer")),
        }
    }

    /// Makes the links, and gives folders their times.
    ///
    /// # Errors
    /// A link leads to nothing that was named, or the file system refuses.
    pub(crate) fn finish(mut self) -> Result<Received> {
        for (path, target) in std::mem::take(&mut self.links) {
            self.link(&path, &target).map_err(|errno| at(errno, "link", &path))?;
        }
        for (path, modified) in self.times.iter().rev() {
            let folder = self.root.find(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW);
            let set = folder.and_then(|folder| rustix::fs::futimens(folder, &timestamps(*modified)));
            set.map_err(|errno| at(errno, "set the time of", path))?;
        }
        Ok(self.received)
    }

    fn entry(&mut self, stat: &Stat) -> Result<Option<u32>> {
        let path = stat.path.as_bytes();
        let refused = |why: &str| Error::invalid(format!("{:?}: {why}", stat.path));
        let id = self.received.entries;
        self.received.entries += 1;
        self.names += path.len() + stat.link.len();
        if self.received.entries > MAX_ENTRIES || self.names > MAX_NAMES {
            return Err(Error::invalid(format!("it has more than {MAX_ENTRIES} files, or very long names")));
        }
        let (parent, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], path),
        };
        if path.len() > MAX_PATH || path.split(|byte| *byte == b'/').count() > MAX_DEPTH {
            return Err(refused("the path is too long or too deep"));
        }
        if matches!(name, b"" | b"." | b"..")
            || path.starts_with(b"/")
            || name.len() > 255
            || name.contains(&0)
            || stat.link.contains('\0')
        {
            return Err(refused("it is no name of a file"));
        }
        self.enter(parent, name).map_err(|()| refused("it comes out of order"))?;
        let c_name = CString::new(name).map_err(|_| refused("it is no name of a file"))?;
        let folder = self.folder(parent).map_err(|errno| at(errno, "open", parent))?;
        let made = self.make(&folder, &c_name, path, stat, id);
        made.map_err(|errno| at(errno, "make", path)).and_then(|made| match made {
            Made::Refused(why) => Err(refused(why)),
            Made::Wanted => Ok(Some(id)),
            Made::Done => Ok(None),
        })
    }

    /// Notes a name in its folder, which must be the one that is being named or one above.
    fn enter(&mut self, parent: &[u8], name: &[u8]) -> std::result::Result<(), ()> {
        let depth = self.levels.iter().rposition(|level| level.path == parent).ok_or(())?;
        self.leave(depth + 1).map_err(|_| ())?;
        let level = self.levels.last_mut().ok_or(())?;
        if level.last.as_slice() >= name {
            return Err(());
        }
        name.clone_into(&mut level.last);
        level.names.insert(name.to_owned());
        Ok(())
    }

    /// Leaves folders until so many are left, and removes what was not named in them.
    fn leave(&mut self, depth: usize) -> Result<()> {
        while self.levels.len() > depth {
            let Some(level) = self.levels.pop() else { break };
            let remove = || -> std::result::Result<(), Errno> {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
                let folder = self.root.find(&level.path, flags)?;
                for name in names_of(&folder)? {
                    if !level.names.contains(name.as_bytes()) {
                        remove_at(folder.as_fd(), &name)?;
                    }
                }
                Ok(())
            };
            remove().map_err(|errno| at(errno, "tidy", &level.path))?;
        }
        Ok(())
    }

    fn folder(&self, path: &[u8]) -> std::result::Result<OwnedFd, Errno> {
        self.root.find(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW)
    }

    fn make(
        &mut self,
        folder: &OwnedFd,
        name: &CString,
        path: &[u8],
        stat: &Stat,
        id: u32,
    ) -> std::result::Result<Made, Errno> {
        let there = look(folder, name)?;
        let is = |kind: FileType| there.is_some_and(|there| FileType::from_raw_mode(there.st_mode) == kind);
        let is_timely = there.is_some_and(|there| modified(&there) == stat.modified);
        let mode = mode_of(stat.mode);
        match stat.mode & go::TYPE {
            go::DIRECTORY => {
                if !is(FileType::Directory) {
                    remove_at(folder.as_fd(), name)?;
                    rustix::fs::mkdirat(folder, name, Mode::RWXU)?;
                }
                rustix::fs::chmodat(folder, name, mode, AtFlags::empty())?;
                self.levels.push(Level { path: path.to_owned(), names: HashSet::new(), last: Vec::new() });
                self.times.push((path.to_owned(), stat.modified));
                Ok(Made::Done)
            }
            go::SYMLINK => {
                let is_same = is(FileType::Symlink)
                    && is_timely
                    && rustix::fs::readlinkat(folder, name, Vec::new())?.as_bytes() == stat.link.as_bytes();
                if !is_same {
                    remove_at(folder.as_fd(), name)?;
                    rustix::fs::symlinkat(stat.link.as_str(), folder, name)?;
                    let flags = AtFlags::SYMLINK_NOFOLLOW;
                    rustix::fs::utimensat(folder, name, &timestamps(stat.modified), flags)?;
                }
                Ok(Made::Done)
            }
            go::PIPE => {
                if !is(FileType::Fifo) {
                    remove_at(folder.as_fd(), name)?;
                    rustix::fs::mknodat(folder, name, FileType::Fifo, mode, 0)?;
                }
                Ok(Made::Done)
            }
            0 if !stat.link.is_empty() => {
                self.links.push((path.to_owned(), stat.link.as_bytes().to_owned()));
                Ok(Made::Done)
            }
            0 => {
                let Ok(size) = u64::try_from(stat.size) else { return Ok(Made::Refused("it has no size")) };
                let same_size = there.is_some_and(|there| u64::try_from(there.st_size) == Ok(size));
                let same_mode = there.is_some_and(|there| there.st_mode & 0o7777 == mode.as_raw_mode());
                let kept = stat.attributes.iter().filter(|(key, _)| is_kept(key));
                let attributes: Vec<_> = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
                // Whether they have changed no time tells.
                let is_same = is_timely && same_size && same_mode && attributes.is_empty();
                if is(FileType::RegularFile) && is_same {
                    return Ok(Made::Done);
                }
                if is(FileType::Directory) {
                    remove_at(folder.as_fd(), name)?;
                }
                let modified = stat.modified;
                let awaited = Awaited { path: path.to_owned(), mode, modified, size, written: 0, attributes };
                self.awaited.insert(id, awaited);
                Ok(Made::Wanted)
            }
            _ => Ok(Made::Refused("it is a device or a socket")),
        }
    }

    fn data(&mut self, id: u32, data: &[u8]) -> Result<()> {
        let Some(awaited) = self.awaited.get_mut(&id) else {
            return Err(Error::invalid(format!("contents of the file {id}, which was not asked for")));
        };
        let named = |error: std::io::Error, path: &[u8]| {
            Error::from(error).context(format!("write {}", String::from_utf8_lossy(path)))
        };
        let part = id.to_string();
        let file = match self.open.entry(id) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let flags =
                    OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = rustix::fs::openat(&self.parts, part.as_str(), flags, Mode::RUSR | Mode::WUSR);
                entry.insert(file.map_err(|errno| at(errno, "write", &awaited.path))?.into())
            }
        };
        if !data.is_empty() {
            file.write_all(data).map_err(|error| named(error, &awaited.path))?;
            awaited.written += data.len() as u64;
            self.received.bytes += data.len() as u64;
            return match self.open.len() > MAX_OPEN {
                true => Err(Error::invalid("the client sends too many files at a time")),
                false => Ok(()),
            };
        }
        let (Some(file), Some(awaited)) = (self.open.remove(&id), self.awaited.remove(&id)) else {
            return Ok(());
        };
        self.received.files += 1;
        if awaited.written < awaited.size {
            let path = String::from_utf8_lossy(&awaited.path).into_owned();
            return Err(Error::invalid(format!(
                "{path:?}: the client could not read it, or it has changed meanwhile"
            )));
        }
        self.place(&file, &part, &awaited).map_err(|errno| at(errno, "write", &awaited.path))
    }

    /// Gives a file that is whole its name.
    fn place(&self, file: &std::fs::File, part: &str, awaited: &Awaited) -> std::result::Result<(), Errno> {
        for (key, value) in &awaited.attributes {
            match rustix::fs::fsetxattr(file, key.as_str(), value, rustix::fs::XattrFlags::empty()) {
                Ok(()) | Err(Errno::NOTSUP | Errno::PERM) => {}
                Err(errno) => return Err(errno),
            }
        }
        rustix::fs::fchmod(file, awaited.mode)?;
        rustix::fs::futimens(file, &timestamps(awaited.modified))?;
        let (parent, name) = split(&awaited.path)?;
        rustix::fs::renameat(&self.parts, part, &self.folder(parent)?, &name)
    }

    fn link(&self, path: &[u8], target: &[u8]) -> std::result::Result<(), Errno> {
        let (target_parent, target_name) = split(target.strip_prefix(b"/").unwrap_or(target))?;
        let (parent, name) = split(path)?;
        let (from, to) = (self.folder(target_parent)?, self.folder(parent)?);
        let file = look(&from, &target_name)?.ok_or(Errno::NOENT)?;
        if !FileType::from_raw_mode(file.st_mode).is_file() {
            return Err(Errno::INVAL);
        }
        if look(&to, &name)?.is_some_and(|there| (there.st_dev, there.st_ino) == (file.st_dev, file.st_ino)) {
            return Ok(());
        }
        remove_at(to.as_fd(), &name)?;
        rustix::fs::linkat(from, &target_name, to, &name, AtFlags::empty())
    }
}

/// What became of something that was named.
enum Made {
    /// It is there.
    Done,
    /// Its contents are wanted.
    Wanted,
    /// It cannot be there.
    Refused(&'static str),
}

fn look(folder: &OwnedFd, name: &CString) -> std::result::Result<Option<FileStat>, Errno> {
    match rustix::fs::statat(folder, name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn split(path: &[u8]) -> std::result::Result<(&[u8], CString), Errno> {
    let slash = path.iter().rposition(|byte| *byte == b'/');
    let (parent, name) = slash.map_or((&path[..0], path), |slash| (&path[..slash], &path[slash + 1..]));
    match name {
        b"" | b"." | b".." => Err(Errno::INVAL),
        name => Ok((parent, CString::new(name).map_err(|_| Errno::INVAL)?)),
    }
}

/// Attributes as archives of a context keep them.
fn is_kept(key: &str) -> bool {
    key == "security.capability"
        || (key.starts_with("user.")
            && !key.starts_with("user.overlay.")
            && !key.starts_with("user.fuseoverlayfs."))
}

fn mode_of(mode: u32) -> Mode {
    let special = [(go::SET_USER, Mode::SUID), (go::SET_GROUP, Mode::SGID), (go::STICKY, Mode::SVTX)];
    let special = special.into_iter().filter(|(bit, _)| mode & bit != 0).map(|(_, unix)| unix);
    special.fold(Mode::from_raw_mode(mode & 0o777), |all, bit| all | bit)
}

/// Go's bits of what is sent to a client; [`None`] of devices and sockets, which are not.
pub(crate) fn go_mode(stat: &FileStat) -> Option<u32> {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => 0,
        FileType::Directory => go::DIRECTORY,
        FileType::Symlink => go::SYMLINK,
        FileType::Fifo => go::PIPE,
        _ => return None,
    };
    let mode = Mode::from_raw_mode(stat.st_mode);
    let special = [(go::SET_USER, Mode::SUID), (go::SET_GROUP, Mode::SGID), (go::STICKY, Mode::SVTX)];
    let special = special.into_iter().filter(|(_, unix)| mode.contains(*unix)).map(|(bit, _)| bit);
    Some(special.fold(kind | (stat.st_mode & 0o777), |all, bit| all | bit))
}

/// Nanoseconds since 1970.
#[allow(clippy::useless_conversion, reason = "the fields have other types elsewhere")]
pub(crate) fn modified(stat: &FileStat) -> i64 {
    let nanos = i64::try_from(stat.st_mtime_nsec).unwrap_or_default();
    i64::from(stat.st_mtime).saturating_mul(1_000_000_000).saturating_add(nanos)
}

fn timestamps(modified: i64) -> Timestamps {
    let time =
        Timespec { tv_sec: modified.div_euclid(1_000_000_000), tv_nsec: modified.rem_euclid(1_000_000_000) };
    Timestamps { last_access: time, last_modification: time }
}

fn at(errno: Errno, what: &str, path: &[u8]) -> Error {
    Error::from(std::io::Error::from(errno)).context(format!("{what} {:?}", String::from_utf8_lossy(path)))
}

#[cfg(test)]
mod tests;
