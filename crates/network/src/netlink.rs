//! A synchronous netlink(7) socket: one request out, its acknowledgement or its answers in.
//!
//! Messages are those of the netlink-packet crates. The socket is ours, because a request costs tens of microseconds and
//! an async runtime costs more than the whole set-up of a container's network.

use std::io;
use std::os::fd::OwnedFd;

use netlink_packet_core::{
    DecodeError, Emitable, ErrorBuffer, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_ALIGNTO, NLMSG_DONE,
    NLMSG_ERROR, NetlinkBuffer, NetlinkHeader, NetlinkMessage, NetlinkPayload, NetlinkSerializable,
    NlaBuffer, NlasIterator,
};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// The object must not exist.
pub(crate) const MAKE: u16 = netlink_packet_core::NLM_F_CREATE | netlink_packet_core::NLM_F_EXCL;
/// The object may exist, and is made what is asked for.
pub(crate) const MAKE_OR_REPLACE: u16 =
    netlink_packet_core::NLM_F_CREATE | netlink_packet_core::NLM_F_REPLACE;
/// The object must exist.
pub(crate) const CHANGE: u16 = 0;

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

    /// Sends an order and waits for the acknowledgement.
    pub(crate) fn execute(&mut self, message: impl NetlinkSerializable, flags: u16) -> io::Result<()> {
        self.exchange(message, flags | NLM_F_ACK).map(drop)
    }

    /// Asks for one object and returns the bodies (after the netlink header) of the answers.
    pub(crate) fn query(&mut self, message: impl NetlinkSerializable) -> io::Result<Vec<Vec<u8>>> {
        self.exchange(message, NLM_F_ACK)
    }

    /// Asks for all objects and returns the bodies of the answers.
    pub(crate) fn dump(&mut self, message: impl NetlinkSerializable) -> io::Result<Vec<Vec<u8>>> {
        self.exchange(message, NLM_F_DUMP)
    }

    fn exchange(&mut self, message: impl NetlinkSerializable, flags: u16) -> io::Result<Vec<Vec<u8>>> {
        self.sequence += 1;
        let request = encoded(message, flags | NLM_F_REQUEST, self.sequence);
        rustix::net::sendto(&self.fd, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        let mut answers = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let (count, _) = match rustix::net::recv(&self.fd, &mut buffer[..], RecvFlags::empty()) {
                Err(rustix::io::Errno::INTR) => continue,
                other => other?,
            };
            let mut rest = &buffer[..count];
            while !rest.is_empty() {
                let answer = NetlinkBuffer::new_checked(rest).map_err(io::Error::other)?;
                let body = answer.payload();
                if answer.sequence_number() == self.sequence {
                    match answer.message_type() {
                        NLMSG_ERROR => return acknowledged(body).map(|()| answers),
                        NLMSG_DONE => return Ok(answers),
                        _ => answers.push(body.to_vec()),
                    }
                }
                let length = answer.length() as usize;
                rest = rest.get(length.next_multiple_of(usize::from(NLMSG_ALIGNTO))..).unwrap_or_default();
            }
        }
    }
}

fn encoded(message: impl NetlinkSerializable, flags: u16, sequence: u32) -> Vec<u8> {
    let mut packet = NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::InnerMessage(message));
    packet.header.flags = flags;
    packet.header.sequence_number = sequence;
    packet.finalize();
    let mut bytes = vec![0; packet.buffer_len()];
    packet.serialize(&mut bytes);
    bytes
}

/// What an `NLMSG_ERROR` says, which an acknowledgement is, too.
fn acknowledged(body: &[u8]) -> io::Result<()> {
    match ErrorBuffer::new_checked(&body).map_err(io::Error::other)?.code() {
        None => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(code.get().saturating_neg())),
    }
}

/// The attributes of an answer's `body` behind its family header, read one by one: one that a newer kernel writes otherwise
/// than `read` knows is passed over, the others still count.
pub(crate) fn attributes<'a, A>(
    body: &'a [u8],
    header: &impl Emitable,
    read: impl Fn(&NlaBuffer<&'a [u8]>) -> Result<A, DecodeError>,
) -> impl Iterator<Item = A> {
    NlasIterator::new(body.get(header.buffer_len()..).unwrap_or_default())
        .map_while(Result::ok)
        .filter_map(move |attribute| read(&attribute).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use netlink_packet_core::ParseableParametrized;
    use netlink_packet_route::link::{LinkAttribute, LinkHeader, LinkMessage};
    use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

    fn read(body: &[u8]) -> Vec<LinkAttribute> {
        let header = LinkHeader::parse(body).unwrap();
        attributes(body, &header, |attribute| {
            LinkAttribute::parse_with_param(attribute, AddressFamily::Unspec)
        })
        .collect()
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        let mut message = LinkMessage::default();
        message.header.index = 7;
        message.attributes = vec![LinkAttribute::IfName("lo".into()), LinkAttribute::Mtu(1500)];
        let mut packet = encoded(RouteNetlinkMessage::NewLink(message), NLM_F_REQUEST, 3);
        // The MTU with a length that no kernel has written yet, and a name behind it.
        let at = packet.len() - 8;
        packet[at] = 5;
        packet.extend([6, 0, 3, 0, b'x', 0, 0, 0]);
        let found = read(&packet[16..]);
        assert_eq!(found, [LinkAttribute::IfName("lo".into()), LinkAttribute::IfName("x".into())]);
        // Lengths that lead out of the packet end it.
        packet.extend([200, 0, 3, 0, b'y', 0, 0, 0]);
        assert_eq!(read(&packet[16..]).len(), 2);
        packet.extend([0, 0]);
        assert_eq!(read(&packet[16..]).len(), 2);
    }

    #[test]
    fn an_error_is_an_acknowledgement_without_a_code() {
        assert!(acknowledged(&[0; 20]).is_ok());
        assert_eq!(acknowledged(&(-2i32).to_ne_bytes()).unwrap_err().raw_os_error(), Some(libc::ENOENT));
        assert!(acknowledged(&[0; 3]).is_err());
    }
}
