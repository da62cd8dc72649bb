//! The power button (how the host asks for an orderly end) and the end itself.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use cove_sys::fs;
use rustix::fs::OFlags;
use rustix::process::{WaitOptions, wait};
use rustix::system::{RebootCommand, reboot};

use super::console::{line, problem};

/// input-event-codes.h
const EV_KEY: u16 = 1;
const KEY_POWER: u16 = 116;
/// `struct input_event` on 64-bit systems: 16 bytes of time, type, code, value.
const EVENT_SIZE: usize = 24;

/// Input devices that may be the power button.
pub(super) struct Buttons {
    files: Vec<fs::File>,
}

impl Buttons {
    /// Opens what there is; the modules `button` and `evdev` must be loaded.
    pub(super) fn open() -> Self {
        use fs_err::os::unix::fs::OpenOptionsExt;
        let mut files = Vec::new();
        if let Ok(entries) = fs::read_dir("/dev/input") {
            for entry in entries.flatten() {
                if entry.file_name().to_string_lossy().starts_with("event") {
                    let flags = OFlags::NONBLOCK.bits().cast_signed();
                    match fs::OpenOptions::new().read(true).custom_flags(flags).open(entry.path()) {
                        Ok(file) => files.push(file),
                        Err(error) => problem("power button", error),
                    }
                }
            }
        }
        if files.is_empty() {
            problem("power button", "no input device: the machine can only be stopped hard");
        }
        Self { files }
    }

    /// The descriptors to poll.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.files.iter().map(|file| file.file().as_fd())
    }

    /// Reads all waiting events; true when the power button was among them.
    pub(super) fn pressed(&mut self) -> bool {
        let mut pressed = false;
        let mut buffer = [0; EVENT_SIZE * 16];
        for file in &mut self.files {
            while let Ok(count) = file.read(&mut buffer) {
                if count == 0 {
                    break;
                }
                pressed |= buffer[..count].chunks_exact(EVENT_SIZE).any(is_power_press);
            }
        }
        pressed
    }
}

fn is_power_press(event: &[u8]) -> bool {
    let kind = u16::from_ne_bytes([event[16], event[17]]);
    let code = u16::from_ne_bytes([event[18], event[19]]);
    let value = i32::from_ne_bytes([event[20], event[21], event[22], event[23]]);
    kind == EV_KEY && code == KEY_POWER && value == 1
}

/// Time for monitors to write down how their containers ended.
const MONITOR_TIME: Duration = Duration::from_millis(1500);

/// Ends every process, writes everything to disk and switches off (or restarts).
pub(super) fn shut_down(restart: bool, grace: Duration) -> ! {
    line("shutting down");
    signal_all(libc::SIGTERM);
    let end = Instant::now() + grace;
    // The signal has to arrive before anyone can be asked what it made of it.
    std::thread::sleep(Duration::from_millis(20));
    while Instant::now() < end && reap() && somebody_is_ending() {
        std::thread::sleep(Duration::from_millis(20));
    }
    // What does not end by itself is killed, the containers before their monitors, which write down how they ended.
    kill_all_but_monitors();
    wait_for_all(MONITOR_TIME);
    signal_all(libc::SIGKILL);
    wait_for_all(Duration::from_secs(2));
    rustix::fs::sync();
    // Mounts of containers that are left over do not matter: the file system below them is what has to be clean.
    let flags = rustix::mount::MountFlags::RDONLY;
    if let Err(error) = rustix::mount::mount_remount("/", flags, c"") {
        problem("read-only root", error);
    }
    rustix::fs::sync();
    line("off");
    let command = if restart { RebootCommand::Restart } else { RebootCommand::PowerOff };
    loop {
        if let Err(error) = reboot(command) {
            problem("power off", error);
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Waits until there is no process left, at most `time`.
fn wait_for_all(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end && reap() {
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn kill_all_but_monitors() {
    for pid in processes() {
        // SAFETY: kill(2) takes no pointers; kernel threads ignore it.
        unsafe { libc::kill(pid, libc::SIGKILL) };
    }
}

/// Whether a process is left that does something on SIGTERM. The first process of a container without a handler
/// ignores it (pid_namespaces(7)): waiting for that one would be in vain.
fn somebody_is_ending() -> bool {
    processes().any(|pid| {
        fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(|status| catches_term(&status))
    })
}

fn catches_term(status: &str) -> bool {
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & 1 << (libc::SIGTERM - 1) != 0
}

/// All processes but this one and the monitors of containers, which end when their containers have.
fn processes() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        // The kernel keeps 15 characters of a name.
        (pid > 1 && name.trim_end() != "cove-monitor").then_some(pid)
    })
}

/// Reaps what has ended; false when there is no child left.
fn reap() -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

fn signal_all(signal: libc::c_int) {
    // SAFETY: kill(2) takes no pointers; -1 means every process but the caller.
    unsafe { libc::kill(-1, signal) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_who_handles_the_signal() {
        assert!(catches_term("Name:\tx\nSigCgt:\t0000000000004000\n"));
        assert!(!catches_term("Name:\tx\nSigCgt:\t0000000000000000\n"));
        assert!(!catches_term(""));
    }

    #[test]
    fn only_a_press_of_the_power_key_counts() {
        let event = |kind: u16, code: u16, value: i32| {
            let mut bytes = vec![0; 16];
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(code.to_ne_bytes());
            bytes.extend(value.to_ne_bytes());
            bytes
        };
        assert!(is_power_press(&event(EV_KEY, KEY_POWER, 1)));
        assert!(!is_power_press(&event(EV_KEY, KEY_POWER, 0)));
        assert!(!is_power_press(&event(EV_KEY, 30, 1)));
        assert!(!is_power_press(&event(0, KEY_POWER, 1)));
    }
}
