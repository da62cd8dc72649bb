//! Names of files beneath a tree, and the directories that lead to them.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd};

use cove_archive::lossy;
use rustix::fs::{Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use crate::error::{Context, Error, Result};
use crate::root::{DIRECTORY, Root};

/// Makes the directories of a path that are missing, mode 0755.
///
/// # Errors
/// Something else is there, or the file system refuses.
pub fn make_directories(root: &Root, path: &[u8], (uid, gid): (u32, u32)) -> Result<()> {
    let ends = path.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/').map(|(index, _)| index);
    for end in ends.chain([path.len()]) {
        let path = &path[..end];
        if split(path).1.is_empty() || root.find(path, DIRECTORY).is_ok() {
            continue;
        }
        let base = component(path)?;
        let parent = root.find(split(path).0, DIRECTORY).context("open", path)?;
        match rustix::fs::mkdirat(&parent, base.as_c_str(), Mode::RWXU) {
            Ok(()) => {}
            Err(Errno::EXIST) => continue,
            Err(error) => return Err(error).context("mkdir", path),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made =
            rustix::fs::openat(&parent, base.as_c_str(), flags, Mode::empty()).context("open", path)?;
        chown(made.as_fd(), uid, gid).context("set the owner of", path)?;
        rustix::fs::fchmod(&made, Mode::from_raw_mode(0o755)).context("set the mode of", path)?;
    }
    Ok(())
}

/// Gives an open file to somebody else.
pub(crate) fn chown(fd: BorrowedFd<'_>, uid: u32, gid: u32) -> Result<(), Errno> {
    rustix::fs::fchown(fd, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
}

/// The directory of a path, and its last component.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// The last component, which names something.
pub(crate) fn component(path: &[u8]) -> Result<CString> {
    match split(path).1 {
        b"" | b"." | b".." => Err(Error::Refused(format!("{:?} is no name of a file", lossy(path)))),
        base => CString::new(base).map_err(|_| Error::Refused("a name with a zero byte".into())),
    }
}
