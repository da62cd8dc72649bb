//! Naming a process so that a reused pid is never mistaken for it.

use std::io;
use std::os::fd::OwnedFd;

use cove_sys::fs;
use rustix::process::{Pid, PidfdFlags, Signal};
use serde::{Deserialize, Serialize};

/// A process by pid and start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessRef {
    /// The pid in the pid namespace of the reader.
    pub pid: i32,
    /// Clock ticks after boot at which it started (field 22 of `/proc/PID/stat`); 0 when it was gone too soon to ask.
    pub start_time: u64,
}

impl ProcessRef {
    /// The process that has `pid` now.
    ///
    /// # Errors
    /// No such process, or `/proc` is not readable.
    pub fn of(pid: i32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let start_time = start_time(&stat).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid}/stat: no start time"))
        })?;
        Ok(Self { pid, start_time })
    }

    /// A descriptor of the process (pidfd); `None` when it has gone or the pid belongs to another one by now.
    ///
    /// # Errors
    /// Failures of `pidfd_open(2)` other than a missing process.
    pub fn open(&self) -> io::Result<Option<OwnedFd>> {
        let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.pid > 0) else { return Ok(None) };
        let fd = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Ok(fd) => fd,
            // EINVAL: the number is that of a thread by now.
            Err(rustix::io::Errno::SRCH | rustix::io::Errno::INVAL) => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        // Only after the descriptor is open does the start time prove which process it is.
        match Self::of(self.pid) {
            Ok(now) if now.start_time == self.start_time => Ok(Some(fd)),
            _ => Ok(None),
        }
    }

    /// Whether the process exists and is not a zombie.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", self.pid)) else { return false };
        start_time(&stat) == Some(self.start_time) && !matches!(state(&stat), Some('Z' | 'X'))
    }

    /// Sends `signal` (1 to 64); `false` when the process has gone.
    ///
    /// # Errors
    /// No permission, or an unknown signal number.
    pub fn signal(&self, signal: i32) -> io::Result<bool> {
        let Some(fd) = self.open()? else { return Ok(false) };
        if !(1..=64).contains(&signal) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("signal {signal} does not exist"),
            ));
        }
        // SAFETY: real-time signals have no constant in rustix; the number was checked against the kernel's range,
        // and sending one to another process does not depend on what libc here reserves for itself.
        let signal = unsafe { Signal::from_raw_unchecked(signal) };
        match rustix::process::pidfd_send_signal(&fd, signal) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }
}

/// Field 22 of a `stat` line; the name in parentheses may hold spaces and parentheses.
fn start_time(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// Field 3 of a `stat` line.
fn state(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_parentheses() {
        let stat = "12 (a) b (c) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9876 1 2";
        assert_eq!(start_time(stat), Some(9876));
        assert_eq!(state(stat), Some('S'));
        assert_eq!(start_time("12 (a"), None);
    }

    #[test]
    fn itself_is_alive_and_another_start_time_is_not() {
        let me = ProcessRef::of(std::process::id() as i32).unwrap();
        assert!(me.is_alive());
        assert!(me.open().unwrap().is_some());
        let other = ProcessRef { start_time: me.start_time + 1, ..me };
        assert!(!other.is_alive());
        assert!(!other.signal(15).unwrap());
    }
}
