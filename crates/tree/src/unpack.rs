//! Making files of a tar beneath a directory.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

use cove_archive::{Entry, Header, Kind, Reader, Streamed, clean_name, lossy, unpacked};
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use crate::directories::{chown, component, make_directories, split};
use crate::error::{Context, Error, Result};
use crate::pack::Owners;
use crate::remove::remove_at;
use crate::root::{DIRECTORY, Root};

/// Bounds far above any real archive, which keep a hostile one from filling the memory.
const MAX_ENTRIES: usize = 10_000_000;
const MAX_NAME_BYTES: usize = 512 << 20;

/// How an archive becomes files.
#[derive(Clone, Copy)]
pub struct Unpacking<'a> {
    /// The directory in the tree that it goes into.
    pub directory: &'a [u8],
    /// That directory keeps its owner, mode and time, whatever the archive says of it (`./`).
    pub keep_directory: bool,
    /// What is called like the first gets the name of the second, with all that is below it.
    pub rename: &'a [(Vec<u8>, Vec<u8>)],
    /// Who owns it all; `None` for the owners in the archive.
    pub owner: Option<(u32, u32)>,
    /// The owners on the disk for those in the archive.
    pub owners: Owners<'a>,
    /// A directory may take the place of something else, and the other way round.
    pub overwrite: bool,
    /// Devices are made, and set-user-id bits and attributes are kept: for what stays in a container. Devices that the
    /// kernel refuses are left out.
    pub privileged: bool,
}

impl Unpacking<'static> {
    /// A whole archive with its owners and all that is special in it.
    pub const WHOLE: Self = Self {
        directory: b"/",
        keep_directory: true,
        rename: &[],
        owner: None,
        owners: &|uid, gid| (uid, gid),
        overwrite: true,
        privileged: true,
    };

    /// A whole archive as plain files of whoever unpacks it as root.
    pub const PLAIN: Self = Self { owner: Some((0, 0)), privileged: false, ..Self::WHOLE };
}

/// Makes the files of an archive, plain or compressed, which is read to its end.
///
/// # Errors
/// The archive is damaged; a file cannot be made. What was made until then stays.
pub fn unpack(root: &Root, unpacking: &Unpacking<'_>, reader: impl Read) -> Result<()> {
    let plain = unpacked(reader).map_err(cove_archive::Error::Io)?;
    let input = Streamed::new(plain);
    let mut unpacker = Unpacker {
        root,
        unpacking: *unpacking,
        reader: Reader::new(input),
        parent: None,
        made: HashSet::new(),
        last: Vec::new(),
        entries: 0,
        name_bytes: 0,
    };
    while let Some(entry) = unpacker.reader.next()? {
        unpacker.entry(&entry)?;
    }
    unpacker.reader.drain()?;
    unpacker.finish_directories()
}

/// Whether a stream that begins like this is a tar, plain or compressed.
#[must_use]
pub fn is_archive(start: &[u8]) -> bool {
    let Ok(plain) = unpacked(start) else { return false };
    let mut reader = Reader::new(Streamed::new(plain));
    !start.is_empty() && reader.next().is_ok()
}

struct Unpacker<'a, R> {
    root: &'a Root,
    unpacking: Unpacking<'a>,
    reader: Reader<Streamed<R>>,
    /// The directory of the entry before, by its path.
    parent: Option<(Vec<u8>, OwnedFd)>,
    /// Names of files that this archive has made: the only ones that a hard link may lead to.
    made: HashSet<Vec<u8>>,
    /// Directories with the modes and times they get at the end.
    last: Vec<(Vec<u8>, Mode, (i64, u32))>,
    entries: usize,
    name_bytes: usize,
}

impl<R: Read> Unpacker<'_, R> {
    fn entry(&mut self, entry: &Entry) -> Result<()> {
        let header = &entry.header;
        let path = self.path(&header.name)?;
        self.check_limits(&path)?;
        match header.kind {
            Kind::Directory => return self.directory(&path, header),
            Kind::File => self.file(&path, entry)?,
            Kind::Symlink => {
                self.create(&path, "symlink", false, |parent, base| {
                    rustix::fs::symlinkat(OsStr::from_bytes(&header.link), parent, base)
                })?;
                self.own_name(&path, header)?;
            }
            Kind::HardLink => self.hard_link(&path, header)?,
            Kind::CharDevice | Kind::BlockDevice | Kind::Fifo => {
                if !self.node(&path, header)? {
                    return Ok(());
                }
            }
        }
        self.made.insert(path);
        Ok(())
    }

    /// Where an entry goes: below the directory, renamed.
    fn path(&self, name: &[u8]) -> Result<Vec<u8>> {
        let bad = || Error::Refused(format!("the name {:?} leads out of the directory", lossy(name)));
        let mut name = clean_name(name).ok_or_else(bad)?;
        for (old, new) in self.unpacking.rename {
            let rest = match name.strip_prefix(old.as_slice()) {
                Some(rest) if rest.is_empty() || rest.starts_with(b"/") => rest,
                _ => continue,
            };
            name = [new.as_slice(), rest].concat();
            break;
        }
        let directory = without_slash(self.unpacking.directory);
        Ok(match name.is_empty() {
            true => directory.to_vec(),
            false => [directory, b"/", &name].concat(),
        })
    }

    fn directory(&mut self, path: &[u8], header: &Header) -> Result<()> {
        if self.unpacking.keep_directory && path == without_slash(self.unpacking.directory) {
            return Ok(());
        }
        let base = split(path).1;
        if !base.is_empty() && base != b"." {
            self.make_directory(path)?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let directory = self.root.find(path, flags).context("open", path)?;
        self.own(directory.as_fd(), path, header)?;
        self.last.push((path.to_vec(), self.mode(header), header.mtime));
        // Its contents usually come next.
        self.parent = Some((path.to_vec(), directory));
        Ok(())
    }

    fn make_directory(&mut self, path: &[u8]) -> Result<()> {
        let base = component(path)?;
        let parent = self.parent(path)?;
        match rustix::fs::mkdirat(parent, base.as_c_str(), Mode::RWXU) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error).context("mkdir", path),
        }
        // A link to a directory of the tree is one as well.
        if self.root.find(path, DIRECTORY).is_ok() {
            return Ok(());
        }
        if !self.unpacking.overwrite {
            return Err(Error::Exists { action: "mkdir", path: lossy(path) });
        }
        let parent = self.parent(path)?;
        remove_at(parent, &base).context("remove", path)?;
        rustix::fs::mkdirat(parent, base.as_c_str(), Mode::RWXU).context("mkdir", path)
    }

    fn file(&mut self, path: &[u8], entry: &Entry) -> Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = self.create(path, "open", true, |parent, base| {
            rustix::fs::openat(parent, base, flags, Mode::RUSR | Mode::WUSR)
        })?;
        let is_new = made.is_some();
        let file = match made {
            Some(fd) => File::from(fd),
            None => self.mounted_file(path)?,
        };
        let filled = self.fill(file, path, entry);
        if filled.is_err() && is_new {
            // Half a file is none.
            let base = component(path)?;
            let _ = rustix::fs::unlinkat(self.parent(path)?, base.as_c_str(), AtFlags::empty());
        }
        filled
    }

    /// A file's contents, owner and times.
    fn fill(&mut self, mut file: File, path: &[u8], entry: &Entry) -> Result<()> {
        let header = &entry.header;
        match &entry.sparse {
            None => loop {
                let piece = self.reader.peek()?;
                if piece.is_empty() {
                    break;
                }
                file.write_all(piece).context("write", path)?;
                let length = piece.len();
                self.reader.consume(length)?;
            },
            Some(sparse) => {
                file.set_len(sparse.real_size).context("write", path)?;
                for &(offset, length) in &sparse.extents {
                    let (mut position, end) = (offset, offset + length);
                    while position < end {
                        let limit = usize::try_from(end - position).unwrap_or(usize::MAX);
                        let piece = self.reader.peek()?;
                        let piece = &piece[..piece.len().min(limit)];
                        file.write_all_at(piece, position).context("write", path)?;
                        let length = piece.len();
                        self.reader.consume(length)?;
                        position += length as u64;
                    }
                }
                self.reader.skip_data()?;
            }
        }
        self.own(file.as_fd(), path, header)?;
        rustix::fs::futimens(&file, &timestamps(header.mtime)).context("set the time of", path)
    }

    /// The file that is mounted at a path, which cannot be replaced: its contents are.
    fn mounted_file(&mut self, path: &[u8]) -> Result<File> {
        let base = component(path)?;
        let parent = self.parent(path)?;
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file: File =
            rustix::fs::openat(parent, base.as_c_str(), flags, Mode::empty()).context("open", path)?.into();
        if !file.metadata().context("look at", path)?.is_file() {
            return Err(Errno::BUSY).context("replace", path);
        }
        file.set_len(0).context("write", path)?;
        Ok(file)
    }

    fn hard_link(&mut self, path: &[u8], header: &Header) -> Result<()> {
        let target = self.path(&header.link)?;
        if !self.made.contains(&target) {
            return Err(Error::Refused(format!(
                "the hard link {:?} leads to {:?}, which is not in the archive",
                lossy(&header.name),
                lossy(&header.link)
            )));
        }
        let base = component(&target)?;
        let source = self.root.find(split(&target).0, DIRECTORY).context("open", &target)?;
        self.create(path, "link", false, |parent, own| {
            rustix::fs::linkat(&source, base.as_c_str(), parent, own, AtFlags::empty())
        })
        .map(drop)
    }

    /// Makes a device or a FIFO; `false` where that is not wanted or not possible.
    #[cfg(target_os = "linux")]
    fn node(&mut self, path: &[u8], header: &Header) -> Result<bool> {
        let kind = match header.kind {
            Kind::CharDevice => FileType::CharacterDevice,
            Kind::BlockDevice => FileType::BlockDevice,
            _ => FileType::Fifo,
        };
        if kind != FileType::Fifo && !self.unpacking.privileged {
            return Ok(false);
        }
        let device = rustix::fs::makedev(header.major, header.minor);
        let mode = Mode::RUSR | Mode::WUSR;
        let made = self.create(path, "mknod", false, |parent, base| {
            match rustix::fs::mknodat(parent, base, kind, mode, device) {
                Err(Errno::PERM) if kind != FileType::Fifo => Ok(false),
                other => other.map(|()| true),
            }
        })?;
        if made != Some(true) {
            return Ok(false);
        }
        self.own_name(path, header)?;
        Ok(true)
    }

    #[cfg(not(target_os = "linux"))]
    fn node(&mut self, _: &[u8], _: &Header) -> Result<bool> {
        Ok(false)
    }

    /// Runs `make`; what has the name already is removed. `None` for a file that is mounted there, where that is
    /// `acceptable`.
    fn create<T>(
        &mut self,
        path: &[u8],
        action: &'static str,
        acceptable: bool,
        make: impl Fn(BorrowedFd<'_>, &std::ffi::CStr) -> Result<T, Errno>,
    ) -> Result<Option<T>> {
        let base = component(path)?;
        let parent = self.parent(path)?;
        match make(parent, &base) {
            Err(Errno::EXIST) => {}
            other => return other.map(Some).context(action, path),
        }
        let stat = rustix::fs::statat(parent, base.as_c_str(), AtFlags::SYMLINK_NOFOLLOW);
        let is_directory = stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir());
        if is_directory && !self.unpacking.overwrite {
            return Err(Error::Exists { action, path: lossy(path) });
        }
        let parent = self.parent(path)?;
        match remove_at(parent, &base) {
            Err(Errno::BUSY) if acceptable && !is_directory => return Ok(None),
            other => other.context("remove", path)?,
        }
        // The open parent may have been in what was removed.
        self.parent = None;
        let parent = self.parent(path)?;
        make(parent, &base).map(Some).context(action, path)
    }

    /// The directory that holds `path`, made where it is missing.
    fn parent(&mut self, path: &[u8]) -> Result<BorrowedFd<'_>> {
        let directory = split(path).0;
        if self.parent.as_ref().is_none_or(|(known, _)| known != directory) {
            let found = match self.root.find(directory, DIRECTORY) {
                Err(Errno::NOENT) => {
                    let owner = self.unpacking.owner.unwrap_or_else(|| (self.unpacking.owners)(0, 0));
                    make_directories(self.root, directory, owner)?;
                    self.root.find(directory, DIRECTORY)
                }
                other => other,
            };
            self.parent = Some((directory.to_vec(), found.context("open", directory)?));
        }
        Ok(self.parent.as_ref().map_or(self.root.as_fd(), |(_, fd)| fd.as_fd()))
    }

    fn owner(&self, header: &Header) -> (u32, u32) {
        self.unpacking.owner.unwrap_or_else(|| (self.unpacking.owners)(header.uid, header.gid))
    }

    fn mode(&self, header: &Header) -> Mode {
        let kept = if self.unpacking.privileged || header.kind == Kind::Directory { 0o7777 } else { 0o1777 };
        Mode::from_raw_mode((header.mode & kept) as _)
    }

    /// Owner, mode and attributes of an open file, in the order the kernel needs.
    fn own(&self, fd: BorrowedFd<'_>, path: &[u8], header: &Header) -> Result<()> {
        let (uid, gid) = self.owner(header);
        chown(fd, uid, gid).context("set the owner of", path)?;
        // After the owner, since a change of owner takes the set-user-id bit and the capabilities away.
        // A directory can be written to until all is in it.
        let meanwhile = if header.kind == Kind::Directory { Mode::RWXU } else { Mode::empty() };
        rustix::fs::fchmod(fd, self.mode(header) | meanwhile).context("set the mode of", path)?;
        self.set_attributes(fd, path, header)
    }

    #[cfg(target_os = "linux")]
    fn set_attributes(&self, fd: BorrowedFd<'_>, path: &[u8], header: &Header) -> Result<()> {
        for (key, value) in &header.xattrs {
            let wanted =
                key.starts_with("user.") || (key == "security.capability" && self.unpacking.privileged);
            if !wanted || key.starts_with("user.overlay.") {
                continue;
            }
            match rustix::fs::fsetxattr(fd, key.as_str(), value, rustix::fs::XattrFlags::empty()) {
                Ok(()) | Err(Errno::NOTSUP | Errno::PERM) => {}
                Err(error) => return Err(error).context("set an attribute of", path),
            }
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn set_attributes(&self, _: BorrowedFd<'_>, _: &[u8], _: &Header) -> Result<()> {
        Ok(())
    }

    /// Owner, mode and time of a link, a device or a FIFO that was just made, which cannot be opened itself. What others
    /// have put in its place since is left alone.
    #[cfg(target_os = "linux")]
    fn own_name(&mut self, path: &[u8], header: &Header) -> Result<()> {
        use std::os::fd::AsRawFd as _;

        let (uid, gid) = self.owner(header);
        let mode = self.mode(header);
        let base = component(path)?;
        let parent = self.parent(path)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let node = match rustix::fs::openat(parent, base.as_c_str(), flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(()),
            other => other.context("open", path)?,
        };
        let stat = rustix::fs::fstat(&node).context("look at", path)?;
        // A second name means that it was made elsewhere: a link to somebody else's file.
        if !is_of_kind(header.kind, FileType::from_raw_mode(stat.st_mode)) || stat.st_nlink != 1 {
            return Ok(());
        }
        let (user, group) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        rustix::fs::chownat(&node, "", user, group, AtFlags::EMPTY_PATH).context("set the owner of", path)?;
        let times = timestamps(header.mtime);
        if header.kind == Kind::Symlink {
            // The kernel may know no times of a descriptor; those of a name that is somebody else's by now do no harm.
            return rustix::fs::utimensat(parent, base.as_c_str(), &times, AtFlags::SYMLINK_NOFOLLOW)
                .context("set the time of", path);
        }
        // The magic link leads to the opened node itself, whatever has its name.
        let through = format!("/proc/self/fd/{}", node.as_raw_fd());
        rustix::fs::chmod(through.as_str(), mode).context("set the mode of", path)?;
        rustix::fs::utimensat(rustix::fs::CWD, through.as_str(), &times, AtFlags::empty())
            .context("set the time of", path)
    }

    /// Owner and time of a link that was just made.
    #[cfg(not(target_os = "linux"))]
    fn own_name(&mut self, path: &[u8], header: &Header) -> Result<()> {
        let (uid, gid) = self.owner(header);
        let base = component(path)?;
        let parent = self.parent(path)?;
        let (user, group) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        rustix::fs::chownat(parent, base.as_c_str(), user, group, AtFlags::SYMLINK_NOFOLLOW)
            .context("set the owner of", path)?;
        let times = timestamps(header.mtime);
        rustix::fs::utimensat(parent, base.as_c_str(), &times, AtFlags::SYMLINK_NOFOLLOW)
            .context("set the time of", path)
    }

    /// Modes and times of directories, once nothing more is put into them.
    fn finish_directories(&self) -> Result<()> {
        for (path, mode, mtime) in self.last.iter().rev() {
            // The archive itself, or others, may have replaced it by something else.
            if let Ok(directory) = self.root.find(path, OFlags::RDONLY | OFlags::DIRECTORY) {
                rustix::fs::futimens(&directory, &timestamps(*mtime)).context("set the time of", path)?;
                rustix::fs::fchmod(&directory, *mode).context("set the mode of", path)?;
            }
        }
        Ok(())
    }

    fn check_limits(&mut self, path: &[u8]) -> Result<()> {
        self.entries += 1;
        self.name_bytes = self.name_bytes.saturating_add(path.len());
        if self.entries > MAX_ENTRIES || self.name_bytes > MAX_NAME_BYTES {
            return Err(Error::Refused("the archive has too many entries".into()));
        }
        Ok(())
    }
}

/// Whether what has been made for an entry may be of that type.
#[cfg(target_os = "linux")]
fn is_of_kind(kind: Kind, is: FileType) -> bool {
    matches!(
        (kind, is),
        (Kind::Symlink, FileType::Symlink)
            | (Kind::CharDevice, FileType::CharacterDevice)
            | (Kind::BlockDevice, FileType::BlockDevice)
            | (Kind::Fifo, FileType::Fifo)
    )
}

fn without_slash(directory: &[u8]) -> &[u8] {
    directory.strip_suffix(b"/").unwrap_or(directory)
}

fn timestamps((seconds, nanoseconds): (i64, u32)) -> Timestamps {
    let time = Timespec { tv_sec: seconds as _, tv_nsec: nanoseconds as _ };
    Timestamps { last_access: time, last_modification: time }
}
