//! The mount system calls.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};

use crate::error::{Context, Result};

/// The kernel takes at most a page of mount data.
pub(super) const MAX_DATA: usize = 4095;

/// Whether something is mounted on `path`.
pub(crate) fn is_mount_point(path: &Path) -> bool {
    rustix::fs::statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty())
        .is_ok_and(|data| data.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// The name podman gives to the file system that holds `path`.
pub(super) fn file_system_name(path: &Path) -> String {
    let magic = rustix::fs::statfs(path).map_or(0, |data| data.f_type);
    let name = match magic {
        0xef53 => "extfs",
        0x5846_5342 => "xfs",
        0x9123_683e => "btrfs",
        0x0102_1994 => "tmpfs",
        0x6969 => "nfs",
        0x794c_7630 => "overlayfs",
        0x2fc1_2fc1 => "zfs",
        0xf2f5_2010 => "f2fs",
        0x6573_5546 => "fuse",
        _ => "<unknown>",
    };
    name.to_owned()
}

/// Makes `path` a mount point of its own whose mounts stay in this mount namespace.
///
/// podman unmounts it when it ends and nothing of the store is mounted, so this is done before each mount.
pub(super) fn make_private(path: &Path) -> Result<()> {
    if is_mount_point(path) {
        return Ok(());
    }
    rustix::mount::mount_bind(path, path).context("bind mount", path)?;
    rustix::mount::mount_change(path, MountPropagationFlags::PRIVATE).context("make private", path)
}

/// Splits mount options into flags and the rest, which is the file system's.
pub(super) fn parse_options(options: &[String]) -> (MountFlags, Vec<&str>) {
    let mut flags = MountFlags::empty();
    let mut data = Vec::new();
    for option in options {
        match option.as_str() {
            "" | "defaults" | "rw" => {}
            "ro" => flags |= MountFlags::RDONLY,
            "nodev" => flags |= MountFlags::NODEV,
            "nosuid" => flags |= MountFlags::NOSUID,
            "noexec" => flags |= MountFlags::NOEXEC,
            "noatime" => flags |= MountFlags::NOATIME,
            "nodiratime" => flags |= MountFlags::NODIRATIME,
            "relatime" => flags |= MountFlags::RELATIME,
            "strictatime" => flags |= MountFlags::STRICTATIME,
            "sync" => flags |= MountFlags::SYNCHRONOUS,
            "dirsync" => flags |= MountFlags::DIRSYNC,
            other => data.push(other),
        }
    }
    (flags, data)
}

/// Mounts an overlay.
pub(super) fn overlay(target: &Path, flags: MountFlags, data: &str) -> io::Result<()> {
    let data = std::ffi::CString::new(data)?;
    Ok(rustix::mount::mount("overlay", target, "overlay", flags, data.as_c_str())?)
}

/// Mounts an overlay whose data names its directories relative to `home`.
///
/// The working directory belongs to the process, so a thread of its own leaves that and changes it.
pub(super) fn overlay_from(home: &Path, target: &Path, flags: MountFlags, data: &str) -> io::Result<()> {
    let directory = cove_sys::fs::File::open(home)?;
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // SAFETY: only the file system attributes (root, working directory, umask) become the thread's
            // own; no memory or descriptors are unshared, and the thread ends below.
            unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::FS) }?;
            rustix::process::fchdir(directory.as_fd())?;
            overlay(target, flags, data)
        });
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the mounting thread panicked")))
    })
}

/// Detaches what is mounted on `path`; nothing mounted is no error.
pub(crate) fn detach(path: &Path) -> Result<()> {
    match rustix::mount::unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => Ok(()),
        other => other.context("unmount", path),
    }
}
