//! Telling systemd of the container (sd_notify(3)): what it says of itself, or that it is healthy.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

use cove_monitor::protocol::{NOTIFY_SOCKET, NotifyConfig};
use cove_sys::fs;
use rustix::fs::{Mode, OFlags};

/// Longest message of a container, in bytes.
const MAX_MESSAGE: usize = 4096;

/// Longest `STATUS=` of a container, in bytes.
const MAX_STATUS: usize = 512;

/// Messages that are read at a time.
const MAX_READS: usize = 16;

/// The way to the one who waits for the container.
pub(crate) struct Notifier {
    target: SocketAddr,
    sender: UnixDatagram,
    /// What the container writes to.
    receiver: Option<UnixDatagram>,
    /// The first healthy check is still to be told.
    awaits_health: bool,
}

impl Notifier {
    pub(crate) fn open(config: &NotifyConfig) -> io::Result<Self> {
        let target = match config.socket.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(&config.socket)?,
        };
        let sender = UnixDatagram::unbound()?;
        sender.set_nonblocking(true)?;
        let receiver = config.folder.as_deref().map(bind).transpose()?;
        Ok(Self { target, sender, receiver, awaits_health: config.with_health })
    }

    /// Where the container writes to.
    pub(crate) fn receiver(&self) -> Option<BorrowedFd<'_>> {
        self.receiver.as_ref().map(UnixDatagram::as_fd)
    }

    /// Passes on what the container has written.
    pub(crate) fn pass_on(&mut self) {
        let mut buffer = [0_u8; MAX_MESSAGE + 1];
        for _ in 0..MAX_READS {
            let Some(receiver) = &self.receiver else { return };
            match receiver.recv(&mut buffer) {
                Ok(length) if length <= MAX_MESSAGE => self.send(&meant(&buffer[..length])),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.receiver = None,
            }
        }
    }

    /// A check has found the container healthy.
    pub(crate) fn healthy(&mut self) {
        if std::mem::take(&mut self.awaits_health) {
            self.send(b"READY=1");
        }
    }

    /// The container runs whatever comes of it.
    fn send(&self, message: &[u8]) {
        if !message.is_empty() {
            let _ = self.sender.send_to_addr(message, &self.target);
        }
    }
}

/// A socket that every user of the container can write to.
fn bind(folder: &Path) -> io::Result<UnixDatagram> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(folder, flags, Mode::empty())?;
    let _ = fs::remove_file(folder.join(NOTIFY_SOCKET));
    let before = rustix::process::umask(Mode::from_raw_mode(0o111));
    // The folder's own name may be too long for a socket's address.
    let socket = UnixDatagram::bind(format!("/proc/self/fd/{}/{NOTIFY_SOCKET}", directory.as_raw_fd()));
    rustix::process::umask(before);
    let socket = socket?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The lines of a message that speak of the service. Pids and descriptors mean something else outside.
fn meant(message: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = message.split(|&byte| byte == b'\n').filter(|line| is_meant(line)).collect();
    lines.join(&b'\n')
}

fn is_meant(line: &[u8]) -> bool {
    if matches!(line, b"READY=1" | b"RELOADING=1" | b"STOPPING=1" | b"WATCHDOG=1") {
        return true;
    }
    let Some(split) = line.iter().position(|&byte| byte == b'=') else { return false };
    let (name, value) = (&line[..split], &line[split + 1..]);
    match name {
        b"STATUS" => {
            value.len() <= MAX_STATUS
                && std::str::from_utf8(value).is_ok_and(|text| !text.contains(char::is_control))
        }
        b"MONOTONIC_USEC" | b"EXTEND_TIMEOUT_USEC" => {
            (1..=20).contains(&value.len()) && value.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_speaks_of_the_service_is_passed_on() {
        for (from, to) in [
            ("READY=1", "READY=1"),
            ("MAINPID=1\nREADY=1\nFDSTORE=1\n", "READY=1"),
            ("RELOADING=1\nMONOTONIC_USEC=12", "RELOADING=1\nMONOTONIC_USEC=12"),
            ("STATUS=all is well\nREADY=2\nBUSERROR=x", "STATUS=all is well"),
            ("STATUS=\u{1b}[2J\nMONOTONIC_USEC=x\nREADY", ""),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8(meant(from.as_bytes())).unwrap(), to, "{from:?}");
        }
        assert!(meant(format!("STATUS={}", "x".repeat(MAX_STATUS + 1)).as_bytes()).is_empty());
    }

    #[test]
    fn messages_go_through() {
        let folder = std::env::temp_dir().join(format!("cove-notify-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let target = folder.join("target");
        let systemd = UnixDatagram::bind(&target).unwrap();
        systemd.set_nonblocking(true).unwrap();
        let socket = target.display().to_string();
        let config = NotifyConfig { socket, folder: Some(folder.clone()), with_health: true };
        let mut notifier = Notifier::open(&config).unwrap();
        let container = UnixDatagram::unbound().unwrap();
        for message in ["STATUS=up\nMAINPID=7".to_owned(), "x".repeat(MAX_MESSAGE + 1), "READY=1".to_owned()]
        {
            container.send_to(message.as_bytes(), folder.join(NOTIFY_SOCKET)).unwrap();
        }
        notifier.pass_on();
        notifier.healthy();
        notifier.healthy();
        let mut buffer = [0; 100];
        for wanted in [&b"STATUS=up"[..], b"READY=1", b"READY=1"] {
            let length = systemd.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], wanted);
        }
        assert!(systemd.recv(&mut buffer).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
