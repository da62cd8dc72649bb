//! Mounts through which the files of a layer seem to belong to the ids of a container's user namespace.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cove_sys::fs;
use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, OpenTreeFlags};
use rustix::thread::UnshareFlags;

use crate::record::IdMap;

/// Makes what is below `source` appear at `target` with mapped owners; `target` must be a directory.
///
/// # Errors
/// The kernel or the file system cannot do it, or we may not.
pub fn mount_mapped(
    source: &Path,
    target: &Path,
    users: &[IdMap],
    groups: &[IdMap],
    read_only: bool,
) -> io::Result<()> {
    let holder = NamespaceHolder::new(users, groups, false)?;
    let namespace = OwnedFd::from(fs::File::open(holder.namespace("user"))?.into_file());
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let tree = rustix::mount::open_tree(CWD, source, flags)?;
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_IDMAP | if read_only { libc::MOUNT_ATTR_RDONLY } else { 0 },
        attr_clr: 0,
        propagation: libc::MS_PRIVATE,
        userns_fd: u64::try_from(namespace.as_raw_fd()).unwrap_or_default(),
    };
    let empty: &CStr = c"";
    // SAFETY: both descriptors are open, the path is a C string, and the kernel reads `size` bytes of
    // `attributes`, which outlives the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            empty.as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    Ok(rustix::mount::move_mount(tree.as_fd(), c"", CWD, target, flags)?)
}

/// A process in new namespaces, which last as long as it does or something else keeps them. It ends when it is dropped.
#[derive(Debug)]
pub struct NamespaceHolder {
    child: Child,
}

impl NamespaceHolder {
    /// A user namespace with these mappings, and if wanted a network namespace that belongs to it. They need a process to
    /// be born in; `cat` waits until we are done.
    ///
    /// # Errors
    /// The kernel refuses the namespace or a mapping.
    pub fn new(users: &[IdMap], groups: &[IdMap], network: bool) -> io::Result<Self> {
        let mut flags = UnshareFlags::NEWUSER;
        if network {
            flags |= UnshareFlags::NEWNET;
        }
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // SAFETY: between fork and exec only one system call is made, which takes no lock and no memory.
        unsafe {
            command.pre_exec(move || {
                rustix::thread::unshare_unsafe(flags)?;
                Ok(())
            });
        }
        let holder = Self { child: command.spawn()? };
        let process = Path::new("/proc").join(holder.child.id().to_string());
        fs::write(process.join("uid_map"), lines(users))?;
        fs::write(process.join("gid_map"), lines(groups))?;
        Ok(holder)
    }

    /// The file of one of its namespaces: `user` or `net`.
    #[must_use]
    pub fn namespace(&self, kind: &str) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string()).join("ns").join(kind)
    }
}

impl Drop for NamespaceHolder {
    fn drop(&mut self) {
        // Its input ends, and so does it.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn lines(maps: &[IdMap]) -> String {
    maps.iter().map(|map| format!("{} {} {}\n", map.container_id, map.host_id, map.size)).collect()
}

/// The id outside for an id inside; without a mapping the same. `None` for one that is not mapped.
#[must_use]
pub fn to_host(maps: &[IdMap], id: u32) -> Option<u32> {
    if maps.is_empty() {
        return Some(id);
    }
    shift(maps.iter().map(|map| (map.container_id, map.host_id, map.size)), id)
}

/// The id inside for an id outside; without a mapping the same. `None` for one that is not mapped.
#[must_use]
pub fn to_container(maps: &[IdMap], id: u32) -> Option<u32> {
    if maps.is_empty() {
        return Some(id);
    }
    shift(maps.iter().map(|map| (map.host_id, map.container_id, map.size)), id)
}

fn shift(mut ranges: impl Iterator<Item = (u32, u32, u32)>, id: u32) -> Option<u32> {
    ranges.find_map(|(from, to, size)| {
        let offset = id.checked_sub(from).filter(|offset| *offset < size)?;
        to.checked_add(offset)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_go_both_ways() {
        let maps = [
            IdMap { container_id: 0, host_id: 100_000, size: 10 },
            IdMap { container_id: 10, host_id: 0, size: 1 },
        ];
        assert_eq!(to_host(&maps, 9), Some(100_009));
        assert_eq!(to_host(&maps, 10), Some(0));
        assert_eq!(to_host(&maps, 11), None);
        assert_eq!(to_container(&maps, 100_003), Some(3));
        assert_eq!(to_container(&[], 7), Some(7));
    }
}
