//! Reads what a process writes for whom has left: `cove-monitor drain`, with two pipes as its standard input and output.
//!
//! The starter of an exec session holds its pipes; where it goes before the end, the process would stop at its next
//! write.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

pub(crate) fn main() -> io::Result<()> {
    crate::host::close_inherited();
    rustix::process::setsid()?;
    let mut pipes: Vec<OwnedFd> =
        vec![io::stdin().as_fd().try_clone_to_owned()?, io::stdout().as_fd().try_clone_to_owned()?];
    crate::host::close_standard_streams()?;
    let mut buffer = vec![0; 64 << 10];
    while !pipes.is_empty() {
        let mut polled: Vec<PollFd<'_>> = pipes.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
        match rustix::event::poll(&mut polled, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        pipes.retain(|pipe| match rustix::io::read(pipe, &mut buffer[..]) {
            Ok(length) => length > 0,
            Err(error) => matches!(error, Errno::AGAIN | Errno::INTR),
        });
    }
    Ok(())
}
