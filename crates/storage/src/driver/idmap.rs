//! Mounts through which the files of a layer seem to belong to the ids of a container's user namespace.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use cove_sys::fs;
use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, OpenTreeFlags};

use crate::record::IdMap;

/// Makes what is below `source` appear at `target`, read-only and with mapped owners; `target` must be a directory.
pub(super) fn mount(source: &Path, target: &Path, users: &[IdMap], groups: &[IdMap]) -> io::Result<()> {
    let namespace = user_namespace(users, groups)?;
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let tree = rustix::mount::open_tree(CWD, source, flags)?;
    let attributes = libc::mount_attr {
        // Read-only too: nothing may be deleted through a view that a crash left behind.
        attr_set: libc::MOUNT_ATTR_IDMAP | libc::MOUNT_ATTR_RDONLY,
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

/// A user namespace with these mappings. It needs a process to be born in; `cat` waits until we are done.
fn user_namespace(users: &[IdMap], groups: &[IdMap]) -> io::Result<OwnedFd> {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: between fork and exec only one system call is made, which takes no lock and no memory.
    unsafe {
        command.pre_exec(|| {
            rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWUSER)?;
            Ok(())
        });
    }
    let mut child = command.spawn()?;
    let result = (|| {
        let process = Path::new("/proc").join(child.id().to_string());
        fs::write(process.join("uid_map"), lines(users))?;
        fs::write(process.join("gid_map"), lines(groups))?;
        Ok(OwnedFd::from(fs::File::open(process.join("ns/user"))?.into_file()))
    })();
    // Its input ends, and so does it.
    drop(child.stdin.take());
    child.wait()?;
    result
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
