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

/// Ends every process, writes everything to disk and switches off (or restarts).
pub(super) fn shut_down(restart: bool, grace: Duration) -> ! {
    line("shutting down");
    signal_all(libc::SIGTERM);
    let end = Instant::now() + grace;
    while Instant::now() < end && reap() {
        std::thread::sleep(Duration::from_millis(20));
    }
    signal_all(libc::SIGKILL);
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end && reap() {
        std::thread::sleep(Duration::from_millis(5));
    }
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
