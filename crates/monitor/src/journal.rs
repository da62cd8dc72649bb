//! The journal of systemd: an entry is one datagram of fields (systemd's native protocol), as conmon writes it.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use crate::log::Stream;

/// How long an entry may wait for the journal before it is dropped, rather than the container stopped.
const PATIENCE: Duration = Duration::from_secs(1);

/// A connection with the journal.
pub(crate) struct Journal {
    path: PathBuf,
    socket: Option<UnixDatagram>,
    /// The fields of every entry, encoded.
    fields: Vec<u8>,
}

impl Journal {
    pub(crate) fn open(path: PathBuf, fields: &[(String, String)]) -> io::Result<Self> {
        let mut encoded = Vec::new();
        for (name, value) in fields {
            add(&mut encoded, name, value.as_bytes());
        }
        let socket = connect(&path)?;
        Ok(Self { path, socket: Some(socket), fields: encoded })
    }

    /// Adds output as it came: an entry for each line, and for a piece of one.
    pub(crate) fn write(&mut self, stream: Stream, data: &[u8]) {
        let mut rest = data;
        while !rest.is_empty() {
            let (line, partial, next) = match rest.iter().position(|byte| *byte == b'\n') {
                Some(end) => (&rest[..end], false, &rest[end + 1..]),
                None => (rest, true, &rest[rest.len()..]),
            };
            self.send(stream, line, partial);
            rest = next;
        }
    }

    fn send(&mut self, stream: Stream, line: &[u8], partial: bool) {
        let mut entry = self.fields.clone();
        let priority: &[u8] = match stream {
            Stream::Stdout => b"6",
            Stream::Stderr => b"3",
        };
        add(&mut entry, "PRIORITY", priority);
        if partial {
            add(&mut entry, "CONTAINER_PARTIAL_MESSAGE", b"true");
        }
        add(&mut entry, "MESSAGE", line);
        // The journal may have been started anew.
        for _ in 0..2 {
            if self.socket.is_none() {
                self.socket = connect(&self.path).ok();
            }
            match self.socket.as_ref().map(|socket| socket.send(&entry)) {
                Some(Ok(_)) => return,
                Some(Err(_)) => self.socket = None,
                None => return,
            }
        }
    }
}

/// Sends one entry.
pub(crate) fn send(path: &std::path::Path, fields: impl Iterator<Item = (String, String)>) -> io::Result<()> {
    let mut entry = Vec::new();
    for (name, value) in fields {
        add(&mut entry, &name, value.as_bytes());
    }
    connect(path)?.send(&entry).map(drop)
}

fn connect(path: &std::path::Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Adds a field: on a line, or with its length where it has line ends itself.
fn add(entry: &mut Vec<u8>, name: &str, value: &[u8]) {
    entry.extend_from_slice(name.as_bytes());
    if value.contains(&b'\n') {
        entry.push(b'\n');
        entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend_from_slice(value);
    entry.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_for_each_line() {
        let path = std::env::temp_dir().join(format!("cove-journal-{}", std::process::id()));
        let receiver = UnixDatagram::bind(&path).unwrap();
        let fields = [("CONTAINER_NAME".to_owned(), "a\nb".to_owned())];
        let mut journal = Journal::open(path.clone(), &fields).unwrap();
        journal.write(Stream::Stderr, b"one\ntw");
        let mut buffer = [0_u8; 1024];
        let length = receiver.recv(&mut buffer).unwrap();
        let name = b"CONTAINER_NAME\n\x03\0\0\0\0\0\0\0a\nb\n";
        assert_eq!(&buffer[..length], [&name[..], b"PRIORITY=3\nMESSAGE=one\n"].concat());
        let length = receiver.recv(&mut buffer).unwrap();
        assert!(buffer[..length].ends_with(b"CONTAINER_PARTIAL_MESSAGE=true\nMESSAGE=tw\n"));
        drop(receiver);
        cove_sys::fs::remove_file(&path).unwrap();
        journal.write(Stream::Stdout, b"lost\n");
        let again = UnixDatagram::bind(&path).unwrap();
        journal.write(Stream::Stdout, b"kept\n");
        let length = again.recv(&mut buffer).unwrap();
        assert!(buffer[..length].ends_with(b"PRIORITY=6\nMESSAGE=kept\n"));
        cove_sys::fs::remove_file(&path).unwrap();
    }
}
