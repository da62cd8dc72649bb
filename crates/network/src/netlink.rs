//! A minimal netlink(7) encoder and socket: requests with attributes out, acknowledgements and dumps in.
//!
//! Written by hand because a request costs tens of microseconds and an async runtime costs more than the whole
//! set-up of a container's network.

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
/// The object may exist.
pub(crate) const CREATE: u16 = 0x400;
/// The object must not exist.
pub(crate) const EXCLUSIVE: u16 = 0x200;
/// Replace the object.
pub(crate) const REPLACE: u16 = 0x100;
/// Answer with all objects.
pub(crate) const DUMP: u16 = 0x300;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLA_F_NESTED: u16 = 0x8000;
const NLA_TYPE_MASK: u16 = 0x3fff;
const HEADER: usize = 16;

/// A request being built.
pub(crate) struct Message {
    buffer: Vec<u8>,
}

/// An attribute that holds attributes, not yet closed.
pub(crate) struct Nested(usize);

impl Message {
    /// A request of `kind` with a family header (`ifinfomsg`, `rtmsg`, …) of an even number of words.
    pub(crate) fn new(kind: u16, flags: u16, header: &[u8]) -> Self {
        let mut buffer = Vec::with_capacity(512);
        buffer.extend_from_slice(&0u32.to_ne_bytes());
        buffer.extend_from_slice(&kind.to_ne_bytes());
        buffer.extend_from_slice(&(flags | NLM_F_REQUEST).to_ne_bytes());
        buffer.extend_from_slice(&[0; 8]);
        let mut message = Self { buffer };
        message.raw(header);
        message
    }

    /// Bytes without an attribute header (the family header within a nested attribute).
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.buffer.extend_from_slice(bytes);
        self.pad();
        self
    }

    fn pad(&mut self) {
        while !self.buffer.len().is_multiple_of(4) {
            self.buffer.push(0);
        }
    }

    /// An attribute. Values are far below the 64 KiB the length field allows: names, addresses and numbers.
    pub(crate) fn attr(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        self.buffer.extend_from_slice(&length.to_ne_bytes());
        self.buffer.extend_from_slice(&kind.to_ne_bytes());
        self.raw(value)
    }

    /// An attribute with a zero-terminated text.
    pub(crate) fn text(&mut self, kind: u16, value: &str) -> &mut Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attr(kind, &bytes)
    }

    /// An attribute with a number in the machine's byte order.
    pub(crate) fn number(&mut self, kind: u16, value: u32) -> &mut Self {
        self.attr(kind, &value.to_ne_bytes())
    }

    /// Opens an attribute that holds attributes.
    pub(crate) fn open(&mut self, kind: u16) -> Nested {
        let start = self.buffer.len();
        self.attr(kind | NLA_F_NESTED, &[]);
        Nested(start)
    }

    /// Closes what [`Message::open`] opened.
    pub(crate) fn close(&mut self, nested: Nested) -> &mut Self {
        let length = u16::try_from(self.buffer.len() - nested.0).unwrap_or(u16::MAX);
        self.buffer[nested.0..nested.0 + 2].copy_from_slice(&length.to_ne_bytes());
        self
    }
}

/// A netlink socket in the network namespace of the thread that opened it.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    sequence: u32,
}

impl Socket {
    /// rtnetlink(7).
    pub(crate) fn route() -> io::Result<Self> {
        // NETLINK_ROUTE is protocol 0.
        Self::open(None)
    }

    /// nfnetlink.
    pub(crate) fn netfilter() -> io::Result<Self> {
        Self::open(Some(rustix::net::netlink::NETFILTER))
    }

    fn open(protocol: Option<rustix::net::Protocol>) -> io::Result<Self> {
        let fd = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            protocol,
        )?;
        // A kernel that does not answer would be a fault; waiting for ever would hide it.
        rustix::net::sockopt::set_socket_timeout(
            &fd,
            rustix::net::sockopt::Timeout::Recv,
            Some(std::time::Duration::from_secs(10)),
        )?;
        Ok(Self { fd, sequence: 0 })
    }

    /// Sends and waits for the acknowledgement.
    pub(crate) fn execute(&mut self, message: Message) -> io::Result<()> {
        self.exchange(message, NLM_F_ACK).map(drop)
    }

    /// Sends and returns the bodies (after the netlink header) of the answers.
    pub(crate) fn query(&mut self, message: Message) -> io::Result<Vec<Vec<u8>>> {
        self.exchange(message, NLM_F_ACK)
    }

    /// Sends a dump request and returns the bodies of the answers.
    pub(crate) fn dump(&mut self, message: Message) -> io::Result<Vec<Vec<u8>>> {
        self.exchange(message, DUMP)
    }

    fn exchange(&mut self, mut message: Message, flags: u16) -> io::Result<Vec<Vec<u8>>> {
        self.sequence += 1;
        let length = u32::try_from(message.buffer.len()).map_err(io::Error::other)?;
        message.buffer[..4].copy_from_slice(&length.to_ne_bytes());
        let all = u16::from_ne_bytes([message.buffer[6], message.buffer[7]]) | flags;
        message.buffer[6..8].copy_from_slice(&all.to_ne_bytes());
        message.buffer[8..12].copy_from_slice(&self.sequence.to_ne_bytes());
        let kernel = SocketAddrNetlink::new(0, 0);
        rustix::net::sendto(&self.fd, &message.buffer, SendFlags::empty(), &kernel)?;
        let mut answers = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let (count, _) = match rustix::net::recv(&self.fd, &mut buffer[..], RecvFlags::empty()) {
                Err(rustix::io::Errno::INTR) => continue,
                other => other?,
            };
            let mut rest = &buffer[..count];
            while rest.len() >= HEADER {
                let length = number_at(rest, 0) as usize;
                if length < HEADER || length > rest.len() {
                    return Err(io::Error::other("truncated netlink answer"));
                }
                let kind = u16::from_ne_bytes([rest[4], rest[5]]);
                let ours = number_at(rest, 8) == self.sequence;
                let body = &rest[HEADER..length];
                if ours && kind == NLMSG_ERROR {
                    let code = i32::from_ne_bytes(number_at(body, 0).to_ne_bytes());
                    return if code == 0 { Ok(answers) } else { Err(io::Error::from_raw_os_error(-code)) };
                }
                if ours && kind == NLMSG_DONE {
                    return Ok(answers);
                }
                if ours {
                    answers.push(body.to_vec());
                }
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            }
        }
    }
}

/// The 32-bit number at `offset`; zero beyond the end.
pub(crate) fn number_at(bytes: &[u8], offset: usize) -> u32 {
    bytes.get(offset..offset + 4).map_or(0, |word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]))
}

/// The attributes in `bytes`, as (kind, value).
pub(crate) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let header = rest.get(..4)?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]) & NLA_TYPE_MASK;
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_come_back() {
        let mut message = Message::new(16, 0, &[0; 4]);
        message.text(3, "lo");
        let nested = message.open(18);
        message.text(1, "veth");
        message.close(nested);
        let found: Vec<_> = attributes(&message.buffer[HEADER + 4..]).collect();
        assert_eq!(found[0], (3, &b"lo\0"[..]));
        assert_eq!(found[1].0, 18);
        assert_eq!(attributes(found[1].1).next().unwrap(), (1, &b"veth\0"[..]));
        assert_eq!(attributes(&[9, 0, 1, 0, 1]).count(), 0);
        assert_eq!(attributes(&[0, 0, 1, 0, 1]).count(), 0);
    }
}
