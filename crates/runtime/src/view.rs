//! The files of a container as a process in it would find them, before it exists: its root file system and what is to
//! be mounted over it.
//!
//! The OCI runtime makes the mounts, but needs to be told the user's number before, which a mounted `/etc/passwd` may
//! decide. So paths are walked here, one name at a time and never by the host's path walk: a symbolic link is read and
//! followed inside, and `..` never leads above the root. What others rename meanwhile can change what is found, not
//! where the walk can get to.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use cove_api::Mount;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{Error, Result};

/// Most symbolic links on one path, as in the kernel.
const MAX_LINKS: usize = 40;

/// A container's files.
#[derive(Debug)]
pub struct View<'a> {
    root: OwnedFd,
    mounts: &'a [Mount],
}

/// A directory or file that the walk has come to; `None` is a file system in memory, which is empty.
type Place = (OsString, Option<OwnedFd>);

/// What the kernel says on the way.
type Sought<T> = std::result::Result<T, Errno>;

impl<'a> View<'a> {
    /// The root file system at `root`, with `mounts` over it. For a container that runs, `/proc/PID/root` has its mounts
    /// already.
    ///
    /// # Errors
    /// The directory cannot be opened.
    pub fn new(root: &Path, mounts: &'a [Mount]) -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(root, flags, Mode::empty())
            .map_err(|errno| Error::io(root.display().to_string())(errno.into()))?;
        Ok(Self { root, mounts })
    }

    /// Opens a regular file; `None` where it does not exist.
    ///
    /// # Errors
    /// Something else is there, or it cannot be read.
    pub fn open_file(&self, path: &str) -> Result<Option<std::fs::File>> {
        let failed = |errno: Errno| Error::io(format!("{path} in the container"))(errno.into());
        let Some(found) = self.find(path).map_err(failed)? else { return Ok(None) };
        let stat = rustix::fs::fstat(&found).map_err(failed)?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Err(Error::invalid(format!("{path} in the container"), "not a regular file"));
        }
        // The descriptor is one for paths; its entry in /proc opens the same file, whatever its name is by now.
        let own = format!("/proc/self/fd/{}", found.as_raw_fd());
        let file = rustix::fs::open(own, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
        Ok(Some(file.into()))
    }

    /// What is at `path`, as a descriptor for paths (`O_PATH`).
    fn find(&self, path: &str) -> Sought<Option<OwnedFd>> {
        let mut pending: VecDeque<OsString> = parts(OsStr::new(path)).map(OsStr::to_owned).collect();
        let mut walked: Vec<Place> = Vec::new();
        let mut links = 0;
        while let Some(name) = pending.pop_front() {
            if name == ".." {
                walked.pop();
                continue;
            }
            let Some(found) = self.step(&walked, &name)? else { return Ok(None) };
            let Some(link) = target(&found)? else {
                walked.push((name, found));
                continue;
            };
            links += 1;
            if links > MAX_LINKS {
                return Err(Errno::LOOP);
            }
            if link.as_bytes().first() == Some(&b'/') {
                walked.clear();
            }
            for part in parts(&link).map(OsStr::to_owned).collect::<Vec<_>>().into_iter().rev() {
                pending.push_front(part);
            }
        }
        Ok(walked.pop().and_then(|(_, found)| found))
    }

    /// What is called `name` in the last of the places walked to.
    fn step(&self, walked: &[Place], name: &OsStr) -> Sought<Option<Option<OwnedFd>>> {
        match self.mounted(walked, name) {
            Some(mount) if matches!(mount.kind.as_str(), "" | "bind") => {
                let flags = OFlags::PATH | OFlags::CLOEXEC;
                return rustix::fs::open(mount.source.as_str(), flags, Mode::empty())
                    .map(|fd| Some(Some(fd)));
            }
            // This one begins with what it covers.
            Some(mount) if mount.options.iter().any(|option| option == "tmpcopyup") => {}
            Some(_) => return Ok(Some(None)),
            None => {}
        }
        let directory: BorrowedFd<'_> = match walked.last() {
            None => self.root.as_fd(),
            Some((_, Some(found))) => found.as_fd(),
            // Only a mount can be in there.
            Some((_, None)) => {
                return Ok(self.mounts.iter().any(|mount| is_below(mount, walked, name)).then_some(None));
            }
        };
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(directory, name, flags, Mode::empty()) {
            Ok(found) => Ok(Some(Some(found))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// The mount at `name` in the last of the places; the later of several covers the others.
    fn mounted(&self, walked: &[Place], name: &OsStr) -> Option<&'a Mount> {
        let here = |mount: &&Mount| {
            let names = walked.iter().map(|(name, _)| name.as_os_str()).chain([name]);
            parts(OsStr::new(&mount.destination)).eq(names)
        };
        self.mounts.iter().rev().find(here)
    }
}

/// Whether the mount's destination is somewhere beneath `name` in the last of the places.
fn is_below(mount: &Mount, walked: &[Place], name: &OsStr) -> bool {
    let mut destination = parts(OsStr::new(&mount.destination));
    walked.iter().map(|(name, _)| name.as_os_str()).chain([name]).all(|part| destination.next() == Some(part))
}

/// The names of a path, without empty ones and `.`.
fn parts(path: &OsStr) -> impl Iterator<Item = &OsStr> {
    path.as_bytes()
        .split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
        .map(OsStr::from_bytes)
}

/// Where a symbolic link leads; `None` for everything else.
fn target(found: &Option<OwnedFd>) -> Sought<Option<OsString>> {
    let Some(found) = found else { return Ok(None) };
    if !FileType::from_raw_mode(rustix::fs::fstat(found)?.st_mode).is_symlink() {
        return Ok(None);
    }
    let link = rustix::fs::readlinkat(found, "", Vec::new())?;
    Ok(Some(OsString::from_vec(link.into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_sys::fs;
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    fn mount(kind: &str, source: &Path, destination: &str) -> Mount {
        Mount {
            destination: destination.into(),
            kind: kind.into(),
            source: source.to_string_lossy().into_owned(),
            options: Vec::new(),
        }
    }

    fn text(view: &View<'_>, path: &str) -> Option<String> {
        let mut text = String::new();
        view.open_file(path).unwrap()?.read_to_string(&mut text).unwrap();
        Some(text)
    }

    #[test]
    fn mounts_cover_what_is_in_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for path in ["root/etc", "root/usr/share", "etc", "share"] {
            fs::create_dir_all(at(path)).unwrap();
        }
        for (path, text) in [
            ("root/etc/passwd", "image"),
            ("root/etc/group", "image"),
            ("passwd", "file"),
            ("etc/passwd", "folder"),
            ("share/group", "share"),
        ] {
            fs::write(at(path), text).unwrap();
        }
        let root = at("root");
        let see = |mounts: &[Mount], path: &str| text(&View::new(&root, mounts).unwrap(), path);
        assert_eq!(see(&[], "/etc/passwd").as_deref(), Some("image"));
        let file = mount("bind", &at("passwd"), "/etc/passwd");
        assert_eq!(see(std::slice::from_ref(&file), "/etc/passwd").as_deref(), Some("file"));
        assert_eq!(see(std::slice::from_ref(&file), "/etc/group").as_deref(), Some("image"));
        let etc = mount("bind", &at("etc"), "/etc/");
        assert_eq!(see(std::slice::from_ref(&etc), "/etc/passwd").as_deref(), Some("folder"));
        assert_eq!(see(std::slice::from_ref(&etc), "/etc/group"), None);
        assert_eq!(see(&[etc.clone(), file.clone()], "etc/passwd").as_deref(), Some("file"));
        let memory = mount("tmpfs", Path::new("tmpfs"), "/etc");
        assert_eq!(see(std::slice::from_ref(&memory), "/etc/passwd"), None);
        assert_eq!(see(&[memory.clone(), file], "/etc/passwd").as_deref(), Some("file"));
        let kept = Mount { options: vec!["tmpcopyup".into()], ..memory };
        assert_eq!(see(&[kept], "/etc/passwd").as_deref(), Some("image"));
        // A link of the mounted folder leads through the container's root, into another mount.
        symlink("/usr/share/group", at("etc/group")).unwrap();
        let share = mount("", &at("share"), "/usr/share");
        assert_eq!(see(&[etc, share], "/etc/group").as_deref(), Some("share"));
    }

    #[test]
    fn links_stay_inside() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::write(folder.path().join("secret"), "outside").unwrap();
        fs::write(root.join("secret"), "inside").unwrap();
        symlink("../../../secret", root.join("etc/passwd")).unwrap();
        symlink(folder.path().join("secret"), root.join("etc/group")).unwrap();
        symlink("loop", root.join("etc/loop")).unwrap();
        let view = View::new(&root, &[]).unwrap();
        assert_eq!(text(&view, "/etc/passwd").as_deref(), Some("inside"));
        assert_eq!(text(&view, "/etc/group"), None);
        assert!(view.open_file("/etc/loop").is_err());
        assert!(view.open_file("/etc").is_err());
        rustix::fs::mknodat(rustix::fs::CWD, root.join("etc/pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert!(matches!(view.open_file("/etc/pipe"), Err(Error::Invalid { .. })));
    }
}
