//! The root of a tree, and paths in it: never out of it.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

/// Most symbolic links on one path, as in the kernel.
const MAX_LINKS: usize = 40;

/// A directory for paths alone.
#[cfg(target_os = "linux")]
pub(crate) const PLACE: OFlags = OFlags::PATH;
/// A directory for paths alone.
#[cfg(not(target_os = "linux"))]
pub(crate) const PLACE: OFlags = OFlags::RDONLY;
/// A directory that is only walked through.
pub(crate) const DIRECTORY: OFlags = PLACE.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// An opened directory that is the root of all paths.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
}

/// What is at a path.
#[derive(Debug, Clone)]
pub struct Look {
    /// The path that it comes to after all links, absolute in the tree.
    pub path: Vec<u8>,
    /// What is there; `None` where nothing is.
    pub stat: Option<Stat>,
    /// The path names a symbolic link, which is this.
    pub link: Option<Stat>,
}

impl From<OwnedFd> for Root {
    fn from(fd: OwnedFd) -> Self {
        Self { fd }
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Root {
    /// Opens the directory at a path of the host.
    ///
    /// # Errors
    /// It is none, or may not be opened.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let flags = PLACE | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { fd: rustix::fs::open(path, flags, Mode::empty())? })
    }

    /// Opens what a path names; the empty path is the root.
    ///
    /// # Errors
    /// The kernel's.
    pub fn find(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let start = path.iter().position(|&byte| byte != b'/').unwrap_or(path.len());
        let relative = if start == path.len() { b"." } else { &path[start..] };
        self.find_relative(OsStr::from_bytes(relative), flags | OFlags::CLOEXEC)
    }

    #[cfg(target_os = "linux")]
    fn find_relative(&self, path: &OsStr, flags: OFlags) -> Result<OwnedFd, Errno> {
        use rustix::fs::ResolveFlags;

        /// How often a path is resolved anew while others rename things in it.
        const MAX_ATTEMPTS: usize = 256;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        for _ in 0..MAX_ATTEMPTS {
            match rustix::fs::openat2(&self.fd, path, flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN) => {}
                other => return other,
            }
        }
        Err(Errno::AGAIN)
    }

    /// One name at a time, following no link on the way: there is no call that resolves beneath a directory here.
    #[cfg(not(target_os = "linux"))]
    fn find_relative(&self, path: &OsStr, flags: OFlags) -> Result<OwnedFd, Errno> {
        let mut names: Vec<&[u8]> =
            path.as_bytes().split(|&byte| byte == b'/').filter(|name| !matches!(*name, b"" | b".")).collect();
        if names.contains(&&b".."[..]) {
            return Err(Errno::XDEV);
        }
        let last = names.pop().unwrap_or(b".");
        let way = PLACE | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut place: Option<OwnedFd> = None;
        for name in names {
            let from = place.as_ref().map_or(self.fd.as_fd(), |fd| fd.as_fd());
            place = Some(rustix::fs::openat(from, OsStr::from_bytes(name), way, Mode::empty())?);
        }
        let from = place.as_ref().map_or(self.fd.as_fd(), |fd| fd.as_fd());
        rustix::fs::openat(from, OsStr::from_bytes(last), flags | OFlags::NOFOLLOW, Mode::empty())
    }

    /// Looks at a path, following links in the tree. The path that comes out is for people and for another call: by
    /// then others may have changed what is there, which leads no call out of the tree.
    ///
    /// # Errors
    /// The kernel's, but for what does not exist.
    pub fn look(&self, path: &[u8]) -> Result<Look, Errno> {
        let parts = |path: &[u8]| -> Vec<Vec<u8>> {
            path.split(|&byte| byte == b'/')
                .filter(|part| !matches!(*part, b"" | b"."))
                .map(<[u8]>::to_vec)
                .collect()
        };
        let mut pending: VecDeque<Vec<u8>> = parts(path).into();
        let mut walked: Vec<Vec<u8>> = Vec::new();
        let mut stat = Some(rustix::fs::fstat(&self.fd)?);
        let mut link = None;
        let mut links = 0;
        while let Some(name) = pending.pop_front() {
            if name == b".." {
                walked.pop();
                stat = None;
                continue;
            }
            walked.push(name);
            let here = [b"/", walked.join(&b'/').as_slice()].concat();
            let found = match self.find(&here, PLACE | OFlags::NOFOLLOW) {
                Ok(found) => found,
                Err(Errno::NOENT | Errno::NOTDIR) => {
                    walked.extend(pending);
                    return Ok(Look { path: absolute(&walked), stat: None, link });
                }
                Err(error) => return Err(error),
            };
            let is = rustix::fs::fstat(&found)?;
            if !FileType::from_raw_mode(is.st_mode).is_symlink() {
                stat = Some(is);
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(Errno::LOOP);
            }
            if pending.is_empty() && link.is_none() {
                link = Some(is);
            }
            let target = rustix::fs::readlinkat(&found, "", Vec::new())?.into_bytes();
            walked.pop();
            if target.first() == Some(&b'/') {
                walked.clear();
            }
            for part in parts(&target).into_iter().rev() {
                pending.push_front(part);
            }
            stat = None;
        }
        let path = absolute(&walked);
        if stat.is_none() {
            stat = Some(rustix::fs::fstat(self.find(&path, PLACE | OFlags::NOFOLLOW)?)?);
        }
        Ok(Look { path, stat, link })
    }
}

fn absolute(parts: &[Vec<u8>]) -> Vec<u8> {
    [b"/", parts.join(&b'/').as_slice()].concat()
}
