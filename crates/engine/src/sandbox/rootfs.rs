//! Paths of a container's root file system, resolved as a process inside would see them: never out of it.

use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use cove_api::{Error, ErrorKind, Result};
use cove_sys::fs;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, ResolveFlags};
use rustix::io::Errno;

/// Upper bound of a text file that is read from an image, in bytes.
const MAX_TEXT: u64 = 16 << 20;

/// How often a path is resolved anew while others rename things in it.
const MAX_ATTEMPTS: usize = 256;

/// An opened root directory.
#[derive(Debug)]
pub(crate) struct RootDir {
    fd: OwnedFd,
    path: PathBuf,
}

impl RootDir {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let fd = rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| Error::from(std::io::Error::from(errno)).context(path.display()))?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// Opens what `path` names inside; `None` where it does not exist.
    pub(crate) fn find(&self, path: &str, flags: OFlags) -> Result<Option<OwnedFd>> {
        let relative = path.trim_start_matches('/');
        let relative = if relative.is_empty() { "." } else { relative };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        // The kernel asks to try again when something was renamed meanwhile: not for ever, though.
        for _ in 0..MAX_ATTEMPTS {
            return match rustix::fs::openat2(
                &self.fd,
                relative,
                flags | OFlags::CLOEXEC,
                Mode::empty(),
                resolve,
            ) {
                Ok(fd) => Ok(Some(fd)),
                Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
                Err(Errno::AGAIN) => continue,
                Err(errno) => Err(self.failed(path, errno)),
            };
        }
        Err(self.failed(path, Errno::AGAIN))
    }

    /// Where on the host a directory or file inside is.
    pub(crate) fn real_path(&self, path: &str) -> Result<PathBuf> {
        let found = self.find(path, OFlags::PATH)?;
        let found = found.ok_or_else(|| Error::not_found(format!("{path}: no such file or directory")))?;
        Ok(std::fs::read_link(descriptor_path(&found))?)
    }

    /// The text of a regular file; `None` where it does not exist.
    pub(crate) fn read_text(&self, path: &str) -> Result<Option<String>> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let Some(fd) = self.find(path, flags)? else { return Ok(None) };
        let stat = rustix::fs::fstat(&fd).map_err(|errno| self.failed(path, errno))?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Err(Error::invalid(format!("{path} in the container is not a regular file")));
        }
        let mut text = String::new();
        std::fs::File::from(fd)
            .take(MAX_TEXT)
            .read_to_string(&mut text)
            .map_err(|error| Error::from(error).context(format!("{path} in the container")))?;
        Ok(Some(text))
    }

    /// Makes a directory and its parents, following symbolic links inside only.
    pub(crate) fn make_directory(&self, path: &str) -> Result<OwnedFd> {
        let root =
            pathrs::Root::open(&self.path).map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        let handle = root.mkdir_all(path, &permissions).map_err(|error| {
            Error::from_chain(ErrorKind::InvalidArgument, &error)
                .context(format!("creating {path} in the container"))
        })?;
        Ok(handle.into())
    }

    fn failed(&self, path: &str, errno: Errno) -> Error {
        Error::from(std::io::Error::from(errno)).context(format!("{path} in the container"))
    }
}

/// The path of an open directory for functions that take no descriptor.
pub(crate) fn descriptor_path(fd: impl AsFd) -> PathBuf {
    use std::os::fd::AsRawFd as _;
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd()))
}

/// Whether the directory has no entries.
pub(crate) fn is_empty(directory: &Path) -> Result<bool> {
    Ok(fs::read_dir(directory)?.next().is_none())
}

/// Copies what the directory `from` holds into the directory `to`, with owners, modes, times, links, devices and
/// extended attributes; symbolic links are copied, never followed.
pub(crate) fn copy_contents(from: impl AsFd, to: impl AsFd) -> Result<()> {
    copy_level(from.as_fd(), to.as_fd(), 0).map_err(|error| error.context("copying into a new volume"))
}

/// Deepest level of directories that is copied.
const MAX_DEPTH: usize = 1024;

fn copy_level(
    from: std::os::fd::BorrowedFd<'_>,
    to: std::os::fd::BorrowedFd<'_>,
    depth: usize,
) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Error::invalid("directories are nested too deeply"));
    }
    let io = |errno: Errno| Error::from(std::io::Error::from(errno));
    let reading =
        rustix::fs::openat(from, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(io)?;
    let mut buffer = Vec::with_capacity(16 << 10);
    let mut entries = RawDir::new(&reading, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let stat = rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io)?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                match rustix::fs::mkdirat(to, name, Mode::RWXU) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => return Err(io(errno)),
                }
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let below = rustix::fs::openat(from, name, flags, Mode::empty()).map_err(io)?;
                let into = rustix::fs::openat(to, name, flags, Mode::empty()).map_err(io)?;
                copy_level(below.as_fd(), into.as_fd(), depth + 1)?;
                copy_attributes(below.as_fd(), into.as_fd());
                rustix::fs::fchown(&into, owner(stat.st_uid), group(stat.st_gid)).map_err(io)?;
                rustix::fs::fchmod(&into, mode).map_err(io)?;
            }
            FileType::RegularFile => {
                let reading = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                let source = rustix::fs::openat(from, name, reading, Mode::empty()).map_err(io)?;
                let writing = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                let target = rustix::fs::openat(to, name, writing, Mode::RUSR | Mode::WUSR).map_err(io)?;
                let (mut source, mut target) = (std::fs::File::from(source), std::fs::File::from(target));
                std::io::copy(&mut source, &mut target)?;
                rustix::fs::fchown(&target, owner(stat.st_uid), group(stat.st_gid)).map_err(io)?;
                rustix::fs::fchmod(&target, mode).map_err(io)?;
                copy_attributes(source.as_fd(), target.as_fd());
            }
            FileType::Symlink => {
                let link = rustix::fs::readlinkat(from, name, Vec::new()).map_err(io)?;
                rustix::fs::symlinkat(&*link, to, name).map_err(io)?;
                rustix::fs::chownat(
                    to,
                    name,
                    owner(stat.st_uid),
                    group(stat.st_gid),
                    AtFlags::SYMLINK_NOFOLLOW,
                )
                .map_err(io)?;
            }
            kind @ (FileType::Fifo | FileType::CharacterDevice | FileType::BlockDevice) => {
                match rustix::fs::mknodat(to, name, kind, mode, stat.st_rdev) {
                    Ok(()) => {}
                    // Device nodes cannot be made in a user namespace.
                    Err(Errno::PERM) => continue,
                    Err(errno) => return Err(io(errno)),
                }
                rustix::fs::chownat(
                    to,
                    name,
                    owner(stat.st_uid),
                    group(stat.st_gid),
                    AtFlags::SYMLINK_NOFOLLOW,
                )
                .map_err(io)?;
            }
            _ => continue,
        }
        let times = rustix::fs::Timestamps {
            last_access: rustix::fs::Timespec { tv_sec: stat.st_atime, tv_nsec: stat.st_atime_nsec as _ },
            last_modification: rustix::fs::Timespec {
                tv_sec: stat.st_mtime,
                tv_nsec: stat.st_mtime_nsec as _,
            },
        };
        rustix::fs::utimensat(to, name, &times, AtFlags::SYMLINK_NOFOLLOW).map_err(io)?;
    }
    Ok(())
}

fn copy_attributes(from: std::os::fd::BorrowedFd<'_>, to: std::os::fd::BorrowedFd<'_>) {
    let mut names = vec![0_u8; 64 << 10];
    let Ok(length) = rustix::fs::flistxattr(from, &mut names[..]) else { return };
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        if name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.") {
            continue;
        }
        let mut value = vec![0_u8; 64 << 10];
        if let Ok(length) = rustix::fs::fgetxattr(from, name, &mut value[..]) {
            // Not every attribute can be kept everywhere; podman goes on, too.
            let _ = rustix::fs::fsetxattr(to, name, &value[..length], rustix::fs::XattrFlags::empty());
        }
    }
}

/// Gives everything in a directory to one owner (mount option `U`). One that is the owner's already is left alone, as
/// with podman: what others have put into it since stays theirs.
pub(crate) fn chown_tree(directory: &Path, uid: u32, gid: u32) -> Result<()> {
    let fd = rustix::fs::openat(
        CWD,
        directory,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(|errno| Error::from(std::io::Error::from(errno)).context(directory.display()))?;
    let stat = rustix::fs::fstat(&fd)
        .map_err(|errno| Error::from(std::io::Error::from(errno)).context(directory.display()))?;
    if (stat.st_uid, stat.st_gid) == (uid, gid) {
        return Ok(());
    }
    chown_level(fd.as_fd(), uid, gid, 0).map_err(|error| error.context(directory.display()))
}

fn chown_level(directory: std::os::fd::BorrowedFd<'_>, uid: u32, gid: u32, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Error::invalid("directories are nested too deeply"));
    }
    let io = |errno: Errno| Error::from(std::io::Error::from(errno));
    let reading = rustix::fs::openat(
        directory,
        ".",
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(io)?;
    let mut buffer = Vec::with_capacity(16 << 10);
    let mut entries = RawDir::new(&reading, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io)?;
        if FileType::from_raw_mode(stat.st_mode).is_dir() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let below = rustix::fs::openat(directory, name, flags, Mode::empty()).map_err(io)?;
            chown_level(below.as_fd(), uid, gid, depth + 1)?;
        } else {
            rustix::fs::chownat(directory, name, owner(uid), group(gid), AtFlags::SYMLINK_NOFOLLOW)
                .map_err(io)?;
        }
    }
    // Last, because the owner of the whole says that it is done.
    rustix::fs::fchown(directory, owner(uid), group(gid)).map_err(io)
}

pub(crate) fn owner(uid: u32) -> Option<rustix::fs::Uid> {
    Some(rustix::fs::Uid::from_raw(uid))
}

pub(crate) fn group(gid: u32) -> Option<rustix::fs::Gid> {
    Some(rustix::fs::Gid::from_raw(gid))
}
