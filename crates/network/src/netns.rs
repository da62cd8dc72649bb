//! Network namespaces: made on a thread of their own, kept by a bind mount, entered on a thread of their own.
//!
//! No function changes the namespace of the calling thread.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use cove_sys::fs;
use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountPropagationFlags, UnmountFlags};
use rustix::thread::{LinkNameSpaceType, UnshareFlags};

use crate::error::{Error, Result};

/// Makes a namespace with its loopback device up and keeps it at `path`; an existing one there is kept.
pub(crate) fn create(path: &Path) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| Error::file("creating the folder of", path, error))?;
    }
    if open(path).is_ok() {
        return Ok(());
    }
    if let Err(error) = fs::File::create(path) {
        return Err(Error::file("creating", path, error));
    }
    let made = std::thread::scope(|scope| {
        scope
            .spawn(|| -> io::Result<()> {
                // SAFETY: only the network namespace of this thread changes, and the thread ends here.
                unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET)? };
                rustix::mount::mount_bind("/proc/thread-self/ns/net", path)?;
                // Private: the mount must not spread into the mount namespaces of containers as a pin.
                rustix::mount::mount_change(path, MountPropagationFlags::PRIVATE)?;
                let mut socket = crate::netlink::Socket::route()?;
                crate::link::set_up(&mut socket, 1).map_err(io::Error::other)
            })
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
    });
    made.map_err(|error| {
        let _ = remove(path);
        Error::file("creating the network namespace", path, error)
    })
}

/// Keeps a namespace that a process has (`from`) at `path`, with its loopback device up.
pub(crate) fn adopt(path: &Path, from: &Path) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| Error::file("creating the folder of", path, error))?;
    }
    remove(path)?;
    if let Err(error) = fs::File::create(path) {
        return Err(Error::file("creating", path, error));
    }
    let kept = rustix::mount::mount_bind(from, path)
        .and_then(|()| rustix::mount::mount_change(path, MountPropagationFlags::PRIVATE))
        .map_err(|error| Error::file("keeping the network namespace", path, error.into()))
        .and_then(|()| {
            let namespace =
                open(path).map_err(|error| Error::file("opening the network namespace", path, error))?;
            within(namespace.as_fd(), || {
                let mut socket = crate::netlink::Socket::route()
                    .map_err(|error| Error::kernel("opening a netlink socket", error))?;
                crate::link::set_up(&mut socket, 1)
            })
        });
    if kept.is_err() {
        let _ = remove(path);
    }
    kept
}

/// Gives the namespace at `path` up: the kernel ends it, and its devices, with its last process.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match rustix::mount::unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
        Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(Error::file("unmounting the network namespace", path, error.into())),
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::file("removing the network namespace", path, error))
        }
        _ => Ok(()),
    }
}

/// Opens the namespace at `path`; a file that is no namespace (its mount is gone) is an error.
pub(crate) fn open(path: &Path) -> io::Result<OwnedFd> {
    const NSFS_MAGIC: i64 = 0x6e73_6673;
    let fd = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())?;
    // The field's type differs between architectures.
    #[allow(clippy::unnecessary_cast)]
    if rustix::fs::fstatfs(&fd)?.f_type as i64 != NSFS_MAGIC {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a network namespace"));
    }
    Ok(fd)
}

/// Runs `work` on a thread of its own inside the namespace.
pub(crate) fn within<T: Send>(netns: BorrowedFd<'_>, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                rustix::thread::move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network))
                    .map_err(|error| Error::kernel("entering the network namespace", error))?;
                work()
            })
            .join()
            .unwrap_or_else(|_| {
                Err(Error::kernel("working in the network namespace", io::Error::other("panicked")))
            })
    })
}

/// Writes a sysctl of the calling thread's namespace where its value differs; `path` is below `/proc/sys`.
pub(crate) fn sysctl(path: &str, value: &str) -> Result<()> {
    let path = Path::new("/proc/sys").join(path);
    if fs::read_to_string(&path).is_ok_and(|present| present.trim() == value) {
        return Ok(());
    }
    fs::write(&path, value).map_err(|error| Error::file("writing", &path, error))
}
