//! Learning that the kernel killed a process of the container for lack of memory (cgroup v2, `memory.events`).

use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use cove_sys::fs;

/// The counter of a container's cgroup. The cgroup may go before the monitor looks for the last time, so that it is read
/// whenever the kernel says that it has changed.
pub(crate) struct OomWatch {
    file: fs::File,
}

impl OomWatch {
    /// Opens the counter of `cgroup`, or else of the cgroup that `pid` is in; `None` where there is none.
    pub(crate) fn open(cgroup: Option<&Path>, pid: i32) -> Option<Self> {
        let directory = match cgroup {
            Some(directory) => directory.to_owned(),
            None => cgroup_of(&pid.to_string()).filter(|c| Some(c) != cgroup_of("self").as_ref())?,
        };
        Some(Self { file: fs::File::open(directory.join("memory.events")).ok()? })
    }

    /// Whether there was a kill so far; `None` when the cgroup has gone.
    pub(crate) fn was_killed(&mut self) -> Option<bool> {
        let mut text = String::new();
        self.file.seek(SeekFrom::Start(0)).ok()?;
        (&mut self.file).take(4096).read_to_string(&mut text).ok()?;
        Some(counts_a_kill(&text))
    }
}

impl AsFd for OomWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn counts_a_kill(text: &str) -> bool {
    text.lines().any(|l| l.strip_prefix("oom_kill ").is_some_and(|n| n.trim() != "0"))
}

fn cgroup_of(pid: &str) -> Option<PathBuf> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let path = text.lines().find_map(|l| l.strip_prefix("0::"))?.trim_start_matches('/');
    (!path.is_empty()).then(|| Path::new("/sys/fs/cgroup").join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counter() {
        assert!(!counts_a_kill("low 0\nhigh 0\nmax 3\noom 1\noom_kill 0\noom_group_kill 0\n"));
        assert!(counts_a_kill("oom 1\noom_kill 1\n"));
        assert!(!counts_a_kill("oom_group_kill 1\n"));
    }
}
