//! Helper processes that outlive the command that started them, known by pid and start time.

use cove_sys::fs;

/// When a process started, in clock ticks since boot (proc_pid_stat(5), field 22); `None` where it is gone.
pub(crate) fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses that may hold anything.
    let rest = stat.rsplit_once(')')?.1;
    let mut fields = rest.split_ascii_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Whether the process that started at `start` lives.
pub(crate) fn alive(pid: i32, start: u64) -> bool {
    pid > 1 && start_time(pid) == Some(start)
}

/// Sends `signal` if the process is still the one that started at `start`.
pub(crate) fn signal(pid: i32, start: u64, signal: rustix::process::Signal) -> bool {
    let Some(target) = rustix::process::Pid::from_raw(pid) else { return false };
    // The descriptor pins the process, so the check and the signal mean the same one.
    let Ok(descriptor) = rustix::process::pidfd_open(target, rustix::process::PidfdFlags::empty()) else {
        return false;
    };
    alive(pid, start) && rustix::process::pidfd_send_signal(&descriptor, signal).is_ok()
}

/// How long the end of a helper is waited for: what it holds, such as a port, is free then.
const PATIENCE: rustix::time::Timespec = rustix::time::Timespec { tv_sec: 1, tv_nsec: 0 };

/// Ends a process, waits until it is gone, and takes its exit status where it is a child of this process: an engine that
/// serves for long must not collect zombies.
pub(crate) fn end(pid: i32, start: u64) {
    // 0 stands for no process; waitpid(2) would take it for any child, and its exit status from whoever waits for it.
    let Some(target) = rustix::process::Pid::from_raw(pid).filter(|_| pid > 1) else { return };
    if alive(pid, start) {
        // The descriptor pins the process, so the check in between and the signal mean the same one.
        let opened = rustix::process::pidfd_open(target, rustix::process::PidfdFlags::empty());
        if let Ok(descriptor) = opened
            && alive(pid, start)
            && rustix::process::pidfd_send_signal(&descriptor, rustix::process::Signal::TERM).is_ok()
        {
            let mut ended = [rustix::event::PollFd::new(&descriptor, rustix::event::PollFlags::IN)];
            let _ = rustix::event::poll(&mut ended, Some(&PATIENCE));
        }
    } else if start_time(pid).is_some() {
        return;
    }
    let _ = rustix::process::waitpid(Some(target), rustix::process::WaitOptions::NOHANG);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_no_process_takes_no_child() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        while start_time(i32::try_from(child.id()).unwrap()).is_some() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        end(0, 0);
        assert!(child.wait().is_ok_and(|status| status.success()), "its exit status is still there");
    }

    #[test]
    fn processes_are_known_by_their_start() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let start = start_time(pid).unwrap();
        assert!(alive(pid, start));
        assert!(!alive(pid, start + 1));
        assert!(!signal(pid, start + 1, rustix::process::Signal::TERM));
        assert!(start_time(-5).is_none());
    }

    #[test]
    #[allow(clippy::zombie_processes, reason = "what is tested")]
    fn an_ended_child_is_reaped() {
        let child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        end(pid, start_time(pid).unwrap());
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    #[allow(clippy::zombie_processes, reason = "what is tested")]
    fn the_end_of_a_slow_process_is_waited_for() {
        use std::io::Read as _;
        let script = "trap 'sleep 0.3; exit' TERM; printf x; while :; do sleep 0.01; done";
        let mut child = std::process::Command::new("sh")
            .args(["-c", script])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        // The trap is set once the byte is there.
        child.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
        end(pid, start_time(pid).unwrap());
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }
}
