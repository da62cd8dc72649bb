//! One file of a tree, made or replaced.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use cove_archive::lossy;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat, XattrFlags};
use rustix::io::Errno;

use crate::directories::{chown, component, split};
use crate::entries::kept_xattrs;
use crate::error::{Context, Error, Result};
use crate::root::{DIRECTORY, PLACE, Root};

/// Names that are tried for what is not complete yet.
const MOST_NAMES: usize = 100;

/// How a file is written.
#[derive(Clone, Copy)]
pub struct Writing<'a> {
    /// The bits of chmod(2); without them a file that is there keeps its own, but for those that make a program somebody
    /// else, and a new one gets 0644.
    pub mode: Option<u32>,
    /// Whose a new file is, by the stat of its folder. One that is there keeps its owner.
    pub owner: &'a dyn Fn(&Stat) -> (u32, u32),
}

/// Makes the file that a path names, or gives it other contents, in a folder that exists. Links are followed in the tree. A
/// file is replaced at once when all its contents have come, with its owner and its user's attributes; one that is
/// mounted for itself cannot be replaced, and is written as they come.
///
/// # Errors
/// There is no such folder; something else than a plain file is there; reading or writing fails, by which nothing has
/// changed but a mounted file.
pub fn write(root: &Root, path: &[u8], writing: &Writing<'_>, mut data: impl Read) -> Result<()> {
    let look = root.look(path).context("look at", path)?;
    if path.ends_with(b"/") || path.ends_with(b"/.") || look.stat.is_some_and(|stat| !is_file(&stat)) {
        return Err(Error::Refused(format!("{}: there is something else than a plain file", lossy(path))));
    }
    let base = component(&look.path)?;
    let folder = root.find(split(&look.path).0, DIRECTORY).context("open", path)?;
    let old =
        match rustix::fs::openat(&folder, &base, PLACE | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
            Ok(found) => Some(rustix::fs::fstat(&found).context("look at", path)?),
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(errno).context("open", path),
        };
    if old.is_some() && is_mounted(&folder, &base).context("open", path)? {
        return fill_mounted(&folder, &base, path, writing, data);
    }
    let (uid, gid) = match &old {
        Some(stat) if is_file(stat) => (stat.st_uid, stat.st_gid),
        // It was a file a moment ago.
        Some(_) => return Err(Error::Refused(format!("{} was replaced meanwhile", lossy(path)))),
        None => (writing.owner)(&rustix::fs::fstat(&folder).context("look at", path)?),
    };
    let mode = writing.mode.unwrap_or_else(|| old.as_ref().map_or(0o644, |stat| stat.st_mode & 0o1777));
    let mut unfinished = Unfinished::new(folder.as_fd(), path)?;
    std::io::copy(&mut data, &mut unfinished.file).context("write", path)?;
    chown(unfinished.file.as_fd(), uid, gid).context("set the owner of", path)?;
    rustix::fs::fchmod(&unfinished.file, Mode::from_raw_mode(mode)).context("set the mode of", path)?;
    if old.is_some() {
        keep_attributes(folder.as_fd(), &base, &unfinished.file);
    }
    rustix::fs::fsync(&unfinished.file).context("write", path)?;
    unfinished.put(&base).context("replace", path)
}

fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode).is_file()
}

/// Whether a name in a folder is a mount point: replacing it would leave the mount behind, or take it away.
fn is_mounted(folder: &OwnedFd, base: &CStr) -> Result<bool, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat2(folder, base, flags, Mode::empty(), ResolveFlags::NO_XDEV) {
        Ok(_) => Ok(false),
        Err(Errno::XDEV) => Ok(true),
        Err(errno) => Err(errno),
    }
}

fn fill_mounted(
    folder: &OwnedFd,
    base: &CStr,
    path: &[u8],
    writing: &Writing<'_>,
    mut data: impl Read,
) -> Result<()> {
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut file: File = rustix::fs::openat(folder, base, flags, Mode::empty()).context("open", path)?.into();
    if !file.metadata().context("look at", path)?.is_file() {
        return Err(Error::Refused(format!("{}: there is something else than a plain file", lossy(path))));
    }
    file.set_len(0).context("write", path)?;
    std::io::copy(&mut data, &mut file).context("write", path)?;
    if let Some(mode) = writing.mode {
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode)).context("set the mode of", path)?;
    }
    rustix::fs::fsync(&file).context("write", path)
}

/// Gives a new file the user's attributes of the one in whose place it comes. Capabilities go, as with any write.
fn keep_attributes(folder: BorrowedFd<'_>, base: &CStr, new: &File) {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let Ok(old) = rustix::fs::openat(folder, base, flags, Mode::empty()) else { return };
    for (name, value) in kept_xattrs(old.as_fd()) {
        if name.starts_with("user.") {
            // File systems that know none have none to be kept.
            let _ = rustix::fs::fsetxattr(new, name, &value, XattrFlags::empty());
        }
    }
}

/// A file that is not complete, under a name of its own, which goes where it is given up.
struct Unfinished<'a> {
    folder: BorrowedFd<'a>,
    name: Option<CString>,
    file: File,
}

impl<'a> Unfinished<'a> {
    fn new(folder: BorrowedFd<'a>, path: &[u8]) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for _ in 0..MOST_NAMES {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!(".cove-{}-{}-{number}", std::process::id(), folder.as_raw_fd());
            let name = component(name.as_bytes())?;
            match rustix::fs::openat(folder, &name, flags, Mode::RUSR | Mode::WUSR) {
                Ok(file) => return Ok(Self { folder, name: Some(name), file: file.into() }),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno).context("write", path),
            }
        }
        Err(Errno::EXIST).context("write", path)
    }

    /// Gives it its name, in place of what has it.
    fn put(mut self, base: &CStr) -> Result<(), Errno> {
        if let Some(name) = &self.name {
            rustix::fs::renameat(self.folder, name, self.folder, base)?;
        }
        self.name = None;
        Ok(())
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            let _ = rustix::fs::unlinkat(self.folder, name, AtFlags::empty());
        }
    }
}
