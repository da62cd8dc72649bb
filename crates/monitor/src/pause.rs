//! The process that keeps a rootless user's namespaces: `cove-monitor pause`.
//!
//! It makes a user and a mount namespace, says so on its standard output, waits until the starter has written the
//! id maps, makes mounts private to the namespace, and sleeps until it is killed.

use std::io::{self, Read, Write};

use rustix::mount::MountPropagationFlags;
use rustix::thread::UnshareFlags;

pub(crate) fn main() -> io::Result<()> {
    crate::host::close_inherited();
    // SAFETY: unshare of the user and mount namespaces by a single-threaded process shares no memory state.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNS) }.map_err(|e| {
        io::Error::new(
            io::Error::from(e).kind(),
            format!("cannot create a user namespace: {}", io::Error::from(e)),
        )
    })?;
    tell(b'1')?;
    wait_for_starter()?;
    rustix::process::setsid()?;
    rustix::thread::set_thread_groups(&[]).ok();
    rustix::thread::set_thread_res_gid(ROOT_GROUP, ROOT_GROUP, ROOT_GROUP)?;
    rustix::thread::set_thread_res_uid(ROOT, ROOT, ROOT)?;
    // Mounts of the host still appear here; ours never appear there.
    rustix::mount::mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    std::env::set_current_dir("/")?;
    tell(b'2')?;
    crate::host::close_standard_streams()?;
    for signal in [libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGPIPE] {
        // SAFETY: ignoring a signal has no memory effects.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    loop {
        // SAFETY: pause(2) only waits.
        unsafe { libc::pause() };
    }
}

const ROOT: rustix::process::Uid = rustix::process::Uid::ROOT;
const ROOT_GROUP: rustix::process::Gid = rustix::process::Gid::ROOT;

fn tell(byte: u8) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(&[byte])?;
    out.flush()
}

fn wait_for_starter() -> io::Result<()> {
    let mut byte = [0_u8];
    io::stdin().lock().read_exact(&mut byte)
}
