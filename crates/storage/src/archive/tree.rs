//! Making files beneath an open directory, without the archive's names ever reaching the host's path walk.
//!
//! Parents are opened with `openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)`: a symbolic link of the layer
//! means the layer's own file, as in a chroot. The last component is never followed.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use crate::error::{Context, Result, StorageError};

/// How whiteouts are put on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhiteoutStyle {
    /// Device 0:0 and `trusted.overlay.opaque`, for overlay mounted by the host's root.
    Trusted,
    /// Device 0:0 and `user.overlay.opaque`, for overlay mounted with `userxattr` in a user namespace.
    User,
    /// The `.wh.` files stay files, for fuse-overlayfs and vfs.
    Files,
}

/// Ownership, mode and times of one entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes<'a> {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
    pub(super) mtime: (i64, u32),
    pub(super) xattrs: &'a [(String, Vec<u8>)],
}

/// What the writer may overlook.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tolerance {
    /// In a user namespace: devices are left out, and extended attributes the kernel refuses.
    pub(super) user_namespace: bool,
    /// Files keep our owner where theirs is not mapped.
    pub(super) ignore_chown_errors: bool,
}

/// The directory a layer is unpacked into.
pub(super) struct Tree {
    root: OwnedFd,
    path: PathBuf,
    style: WhiteoutStyle,
    tolerance: Tolerance,
    parent: Option<(Vec<u8>, OwnedFd)>,
}

const RESOLVE: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Tree {
    pub(super) fn open(path: &Path, style: WhiteoutStyle, tolerance: Tolerance) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let root = rustix::fs::open(path, flags, Mode::empty()).context("open", path)?;
        Ok(Self { root, path: path.to_path_buf(), style, tolerance, parent: None })
    }

    pub(super) fn style(&self) -> WhiteoutStyle {
        self.style
    }

    /// Sets what the archive says of the layer's root.
    pub(super) fn set_root(&self, attributes: &Attributes<'_>) -> Result<()> {
        self.apply_to_fd(self.root.as_fd(), b".", attributes)
    }

    /// Makes a directory, or takes over the one that is there.
    pub(super) fn directory(&mut self, name: &[u8], attributes: &Attributes<'_>) -> Result<()> {
        let (parent, base) = self.parent(name)?;
        let made = make_directory(parent, base);
        let (fd, opaque) = made.context("create directory", self.shown(name))?;
        self.apply_to_fd(fd.as_fd(), name, attributes)?;
        if opaque {
            self.mark_opaque(fd.as_fd(), name)?;
        }
        // Its contents usually come next.
        self.parent = Some((name.to_vec(), fd));
        Ok(())
    }

    /// Makes an empty file, open for writing; [`Tree::finish_file`] completes it.
    pub(super) fn file(&mut self, name: &[u8]) -> Result<std::fs::File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = self.create(name, "create", |parent, base| {
            rustix::fs::openat(parent, base, flags, Mode::RUSR | Mode::WUSR)
        })?;
        Ok(fd.into())
    }

    /// Sets owner, mode, attributes and times of a file, in the order the kernel needs.
    pub(super) fn finish_file(
        &self,
        file: &std::fs::File,
        name: &[u8],
        attributes: &Attributes<'_>,
    ) -> Result<()> {
        self.apply_to_fd(file.as_fd(), name, attributes)?;
        rustix::fs::futimens(file, &timestamps(attributes.mtime)).context("set the time of", self.shown(name))
    }

    pub(super) fn symlink(&mut self, name: &[u8], target: &[u8], attributes: &Attributes<'_>) -> Result<()> {
        self.create(name, "create symbolic link", |parent, base| {
            rustix::fs::symlinkat(OsStr::from_bytes(target), parent, base)
        })?;
        self.apply_to_name(name, attributes)
    }

    /// Makes a second name for an entry of this layer; its attributes stay the first name's.
    pub(super) fn hard_link(&mut self, name: &[u8], target: &[u8]) -> Result<()> {
        let (parent, base) = split(target);
        let source = self.open_directory(parent).context("find the hard link target", self.shown(target))?;
        self.create(name, "create hard link", |parent, own_base| {
            rustix::fs::linkat(&source, OsStr::from_bytes(base), parent, own_base, AtFlags::empty())
        })
    }

    /// Makes a device or a FIFO. In a user namespace devices are left out, as podman does.
    pub(super) fn node(
        &mut self,
        name: &[u8],
        kind: FileType,
        device: (u32, u32),
        attributes: &Attributes<'_>,
    ) -> Result<()> {
        let is_device = kind != FileType::Fifo;
        if is_device && self.tolerance.user_namespace && device != (0, 0) {
            return Ok(());
        }
        let number = rustix::fs::makedev(device.0, device.1);
        self.create(name, "create node", |parent, base| {
            rustix::fs::mknodat(parent, base, kind, Mode::RUSR | Mode::WUSR, number)
        })?;
        self.apply_to_name(name, attributes)?;
        let (parent, base) = self.parent(name)?;
        // The entry is the node just made: nobody else writes here.
        rustix::fs::chmodat(parent, base, Mode::from_raw_mode(attributes.mode), AtFlags::empty())
            .context("set the mode of", self.shown(name))
    }

    /// Hides `hidden` of the layers below.
    pub(super) fn whiteout(&mut self, hidden: &[u8], attributes: &Attributes<'_>) -> Result<()> {
        let made = {
            let (parent, base) = match self.parent(hidden) {
                // `.wh.a` and then `a/.wh.b`: all of `a` is hidden already.
                Err(StorageError::System { source, .. })
                    if source.raw_os_error() == Some(Errno::NOTDIR.raw_os_error()) =>
                {
                    return Ok(());
                }
                other => other?,
            };
            rustix::fs::mknodat(parent, base, FileType::CharacterDevice, Mode::empty(), 0)
        };
        match made {
            Ok(()) => self.apply_to_name(hidden, &Attributes { xattrs: &[], ..*attributes }),
            Err(Errno::EXIST) => {
                // The layer has the name itself. A directory then hides the one below; a file does anyway.
                let (parent, base) = self.parent(hidden)?;
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
                match rustix::fs::openat(parent, base, flags, Mode::empty()) {
                    Ok(fd) => self.mark_opaque(fd.as_fd(), hidden),
                    Err(_) => Ok(()),
                }
            }
            Err(error) => Err(error).context("create whiteout", self.shown(hidden)),
        }
    }

    /// Hides all that the layers below have in this directory.
    pub(super) fn opaque(&mut self, directory: &[u8]) -> Result<()> {
        let fd = loop {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            match open_in(&self.root, directory, flags) {
                Err(Errno::NOENT) => self.make_missing(directory)?,
                other => break other.context("open directory", self.shown(directory))?,
            }
        };
        self.mark_opaque(fd.as_fd(), directory)
    }

    /// Sets the time of a directory, once nothing more is put into it.
    pub(super) fn set_directory_time(&self, name: &[u8], mtime: (i64, u32)) -> Result<()> {
        // The archive itself may have replaced the directory by something else; then there is nothing to set.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match open_in(&self.root, name, flags) {
            Ok(fd) => {
                rustix::fs::futimens(fd, &timestamps(mtime)).context("set the time of", self.shown(name))
            }
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
            Err(error) => Err(error).context("open directory", self.shown(name)),
        }
    }

    /// The path of an entry, for messages.
    pub(super) fn shown(&self, name: &[u8]) -> PathBuf {
        self.path.join(OsStr::from_bytes(name))
    }

    /// The directory that holds `name`, made where it is missing, and the last component.
    fn parent<'n>(&mut self, name: &'n [u8]) -> Result<(BorrowedFd<'_>, &'n OsStr)> {
        let (directory, base) = split(name);
        if directory.is_empty() {
            return Ok((self.root.as_fd(), OsStr::from_bytes(base)));
        }
        if self.parent.as_ref().is_none_or(|(path, _)| path != directory) {
            let fd = match self.open_directory(directory) {
                Err(Errno::NOENT) => {
                    self.make_missing(directory)?;
                    self.open_directory(directory)
                }
                other => other,
            };
            let fd = fd.context("open directory", self.shown(directory))?;
            self.parent = Some((directory.to_vec(), fd));
        }
        let fd = self.parent.as_ref().map_or(self.root.as_fd(), |(_, fd)| fd.as_fd());
        Ok((fd, OsStr::from_bytes(base)))
    }

    fn open_directory(&self, directory: &[u8]) -> Result<OwnedFd, Errno> {
        if directory.is_empty() {
            return open_in(&self.root, b".", DIRECTORY);
        }
        open_in(&self.root, directory, DIRECTORY)
    }

    /// Makes the directories of `path` that are missing, mode 0755.
    fn make_missing(&mut self, path: &[u8]) -> Result<()> {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(index, _)| index);
        for end in ends.chain([path.len()]) {
            let (parent, base) = split(&path[..end]);
            let parent = self.open_directory(parent).context("open directory", self.shown(parent))?;
            let base = OsStr::from_bytes(base);
            match rustix::fs::mkdirat(&parent, base, Mode::RWXU) {
                Ok(()) => rustix::fs::chmodat(&parent, base, Mode::from_raw_mode(0o755), AtFlags::empty())
                    .context("set the mode of", self.shown(&path[..end]))?,
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error).context("create directory", self.shown(&path[..end])),
            }
        }
        Ok(())
    }

    /// Runs `make`; what has the name already is removed, as a later entry replaces an earlier one.
    fn create<T>(
        &mut self,
        name: &[u8],
        action: &'static str,
        make: impl Fn(BorrowedFd<'_>, &OsStr) -> Result<T, Errno>,
    ) -> Result<T> {
        let (parent, base) = self.parent(name)?;
        let error = match make(parent, base) {
            Err(Errno::EXIST) => {
                crate::remove::remove_at(parent, base).context("replace", self.shown(name))?;
                // The open parent may have been in what was removed.
                self.parent = None;
                let (parent, base) = self.parent(name)?;
                match make(parent, base) {
                    Err(error) => error,
                    Ok(made) => return Ok(made),
                }
            }
            Err(error) => error,
            Ok(made) => return Ok(made),
        };
        Err(error).context(action, self.shown(name))
    }

    fn apply_to_fd(&self, fd: BorrowedFd<'_>, name: &[u8], attributes: &Attributes<'_>) -> Result<()> {
        let owner =
            rustix::fs::fchown(fd, Some(Uid::from_raw(attributes.uid)), Some(Gid::from_raw(attributes.gid)));
        self.judge_chown(owner, name, attributes)?;
        // After the owner, since a change of owner takes the set-user-id bit and the capabilities away.
        rustix::fs::fchmod(fd, Mode::from_raw_mode(attributes.mode))
            .context("set the mode of", self.shown(name))?;
        for (key, value) in attributes.xattrs.iter().filter(|(key, _)| is_allowed_xattr(key)) {
            let set = rustix::fs::fsetxattr(fd, key.as_str(), value, XattrFlags::empty());
            self.judge_xattr(set, name)?;
        }
        Ok(())
    }

    fn apply_to_name(&mut self, name: &[u8], attributes: &Attributes<'_>) -> Result<()> {
        let (parent, base) = self.parent(name)?;
        let owner = rustix::fs::chownat(
            parent,
            base,
            Some(Uid::from_raw(attributes.uid)),
            Some(Gid::from_raw(attributes.gid)),
            AtFlags::SYMLINK_NOFOLLOW,
        );
        let through_fd = fd_path(parent, base);
        let times =
            rustix::fs::utimensat(parent, base, &timestamps(attributes.mtime), AtFlags::SYMLINK_NOFOLLOW);
        self.judge_chown(owner, name, attributes)?;
        for (key, value) in attributes.xattrs.iter().filter(|(key, _)| is_allowed_xattr(key)) {
            let set = rustix::fs::lsetxattr(&through_fd, key.as_str(), value, XattrFlags::empty());
            // Links and nodes may not have user attributes, whoever asks.
            if set != Err(Errno::PERM) {
                self.judge_xattr(set, name)?;
            }
        }
        times.context("set the time of", self.shown(name))
    }

    fn judge_chown(&self, result: Result<(), Errno>, name: &[u8], attributes: &Attributes<'_>) -> Result<()> {
        match result {
            Err(_) if self.tolerance.ignore_chown_errors => Ok(()),
            Err(Errno::INVAL) if self.tolerance.user_namespace => Err(StorageError::System {
                action: "set the owner of",
                path: self.shown(name),
                source: io::Error::other(format!(
                    "the owner {}:{} is not mapped in the user namespace; more ids are needed in /etc/subuid \
                     and /etc/subgid",
                    attributes.uid, attributes.gid
                )),
            }),
            other => other.context("set the owner of", self.shown(name)),
        }
    }

    fn judge_xattr(&self, result: Result<(), Errno>, name: &[u8]) -> Result<()> {
        match result {
            // A file system without attributes holds the files all the same, as podman decided.
            Err(Errno::NOTSUP) => Ok(()),
            Err(Errno::PERM) if self.tolerance.user_namespace => Ok(()),
            other => other.context("set an extended attribute of", self.shown(name)),
        }
    }

    fn mark_opaque(&self, fd: BorrowedFd<'_>, name: &[u8]) -> Result<()> {
        let key = match self.style {
            WhiteoutStyle::Trusted => "trusted.overlay.opaque",
            WhiteoutStyle::User => "user.overlay.opaque",
            WhiteoutStyle::Files => return Ok(()),
        };
        rustix::fs::fsetxattr(fd, key, b"y", XattrFlags::empty()).context("mark as opaque", self.shown(name))
    }
}

/// Opens `path` as in a chroot to `root`. The kernel answers EAGAIN where a rename elsewhere in the system
/// made it unsure about `..`.
pub(super) fn open_in(root: impl AsFd, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    for _ in 0..100 {
        match rustix::fs::openat2(&root, OsStr::from_bytes(path), flags, Mode::empty(), RESOLVE) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

/// Attributes an archive may set. Overlay's own would let a layer point into others; labels are the host's.
fn is_allowed_xattr(key: &str) -> bool {
    !key.is_empty()
        && !key.starts_with("trusted.overlay.")
        && !key.starts_with("user.overlay.")
        && key != "security.selinux"
}

/// Makes a directory or opens the one there is; also tells whether it replaced a whiteout, which means that it
/// hides what is below it.
fn make_directory(parent: BorrowedFd<'_>, base: &OsStr) -> Result<(OwnedFd, bool), Errno> {
    let mut opaque = false;
    loop {
        match rustix::fs::mkdirat(parent, base, Mode::RWXU) {
            Ok(()) => break,
            Err(Errno::EXIST) => {
                let found = rustix::fs::statat(parent, base, AtFlags::SYMLINK_NOFOLLOW)?;
                if FileType::from_raw_mode(found.st_mode).is_dir() {
                    break;
                }
                opaque = is_whiteout(&found);
                rustix::fs::unlinkat(parent, base, AtFlags::empty())?;
            }
            Err(error) => return Err(error),
        }
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok((rustix::fs::openat(parent, base, flags, Mode::empty())?, opaque))
}

fn is_whiteout(stat: &rustix::fs::Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}

/// A path that begins at an open directory, for calls that take no descriptor.
fn fd_path(parent: BorrowedFd<'_>, base: &OsStr) -> PathBuf {
    Path::new("/proc/self/fd").join(parent.as_raw_fd().to_string()).join(base)
}

fn split(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&name[..slash], &name[slash + 1..]),
        None => (&[], name),
    }
}

fn timestamps((seconds, nanos): (i64, u32)) -> Timestamps {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanos.into() };
    Timestamps { last_access: time, last_modification: time }
}
