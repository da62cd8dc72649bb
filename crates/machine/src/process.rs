//! Processes that outlive the command that started them, found again by a pid file and checked for being who
//! the file says.

use std::path::Path;

use cove_sys::fs;

/// Whether somebody holds the lock file at `path` exclusively. Lookers do not disturb one another.
pub(crate) fn is_held(path: &Path) -> bool {
    let Ok(file) = fs::File::open(path) else { return false };
    matches!(file.file().try_lock_shared(), Err(std::fs::TryLockError::WouldBlock))
}

/// The pid in `path`, when that process is alive and has `mark` among its arguments.
///
/// A pid alone proves nothing: after a crash or a restart of the host it may belong to anything.
pub(crate) fn find(path: &Path, mark: &Path) -> Option<u32> {
    let pid: u32 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    is_ours(pid, mark).then_some(pid)
}

/// Any process that has `mark` among its arguments: one that has not written its pid file yet.
#[cfg(target_os = "linux")]
pub(crate) fn scan(mark: &Path) -> Option<u32> {
    let entries = fs::read_dir("/proc").ok()?;
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .find(|pid| *pid != std::process::id() && is_ours(*pid, mark))
}

#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) fn scan(mark: &Path) -> Option<u32> {
    let output = std::process::Command::new("pgrep").arg("-f").arg(mark).output().ok()?;
    String::from_utf8_lossy(&output.stdout).lines().find_map(|line| line.trim().parse().ok())
}

#[cfg(target_os = "linux")]
fn is_ours(pid: u32, mark: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    // A zombie has an empty command line.
    let Ok(command_line) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let mark = mark.as_os_str().as_bytes();
    command_line.split(|byte| *byte == 0).any(|word| word == mark)
}

#[cfg(all(unix, not(target_os = "linux")))]
fn is_ours(pid: u32, mark: &Path) -> bool {
    let output =
        std::process::Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(&*mark.to_string_lossy()))
}

#[cfg(not(unix))]
fn is_ours(_pid: u32, _mark: &Path) -> bool {
    false
}

/// Sends SIGKILL.
pub(crate) fn kill(pid: u32) {
    #[cfg(unix)]
    if let Some(pid) = rustix::process::Pid::from_raw(pid.cast_signed()) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = pid;
}

/// Sends SIGTERM.
pub(crate) fn terminate(pid: u32) {
    #[cfg(unix)]
    if let Some(pid) = rustix::process::Pid::from_raw(pid.cast_signed()) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    #[cfg(not(unix))]
    let _ = pid;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pid_of_somebody_else_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        assert_eq!(find(&path, Path::new("x")), None);
        fs::write(&path, "garbage").unwrap();
        assert_eq!(find(&path, Path::new("x")), None);
        let own = std::process::id();
        fs::write(&path, format!("{own}\n")).unwrap();
        assert_eq!(find(&path, Path::new("/no/such/argument")), None);
        let program = std::env::args_os().next().unwrap();
        assert_eq!(find(&path, Path::new(&program)), Some(own));
    }
}
