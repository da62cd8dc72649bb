//! What an OCI runtime is to see of the machine, set up in its process before it is executed.

use std::io;

/// Covers `/sys/fs/cgroup` by an empty tmpfs, in a mount namespace of the calling process's own.
///
/// crun refuses to start on a machine that has controllers both in cgroup v1 and v2, even when it is told to leave
/// cgroups alone; on a machine without any it does as it is told. Only the runtime's own process sees the cover: the
/// container's mounts come from its configuration.
///
/// Makes system calls only, so that it may be called between `fork` and `exec` of a process with threads.
///
/// # Errors
/// Those of `unshare(2)` and `mount(2)`.
pub fn hide_cgroups() -> io::Result<()> {
    let target = c"/sys/fs/cgroup".as_ptr();
    let tmpfs = c"tmpfs".as_ptr();
    let none = std::ptr::null();
    // SAFETY: unshare and mount with constant strings that end in NUL; no memory of this process is touched.
    let done = unsafe {
        libc::unshare(libc::CLONE_NEWNS) == 0
            // Otherwise the cover would appear on the host where this mount is shared.
            && libc::mount(none, target, none, libc::MS_PRIVATE, std::ptr::null()) == 0
            && libc::mount(tmpfs, target, tmpfs, libc::MS_RDONLY, std::ptr::null()) == 0
    };
    if done { Ok(()) } else { Err(io::Error::last_os_error()) }
}
