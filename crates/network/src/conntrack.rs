//! Forgetting tracked UDP flows to published ports.
//!
//! The kernel translates only the first packet of a flow by rule and the rest by memory. A client that keeps
//! sending to a port while its container is replaced would reach the dead one, or nobody, until it pauses for
//! half a minute.

use std::collections::BTreeSet;
use std::io;

use crate::netlink::{Message, Socket, attributes};

const CT_GET: u16 = (1 << 8) | 1;
const CT_DELETE: u16 = (1 << 8) | 2;
const CTA_TUPLE_ORIG: u16 = 1;
const CTA_TUPLE_PROTO: u16 = 2;
const CTA_PROTO_NUM: u16 = 1;
const CTA_PROTO_DST_PORT: u16 = 3;
const UDP: u8 = 17;

fn find(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

/// The original tuple of a flow, where it is UDP to one of `ports`.
fn matching<'a>(body: &'a [u8], ports: &BTreeSet<u16>) -> Option<&'a [u8]> {
    let tuple = find(body.get(4..)?, CTA_TUPLE_ORIG)?;
    let protocol = find(tuple, CTA_TUPLE_PROTO)?;
    let number = find(protocol, CTA_PROTO_NUM)?.first()?;
    let port = <[u8; 2]>::try_from(find(protocol, CTA_PROTO_DST_PORT)?).ok()?;
    (*number == UDP && ports.contains(&u16::from_be_bytes(port))).then_some(tuple)
}

/// Deletes the tracked UDP flows to these host ports, in the calling thread's namespace.
pub(crate) fn forget_udp(ports: &BTreeSet<u16>) -> io::Result<()> {
    if ports.is_empty() {
        return Ok(());
    }
    let mut socket = Socket::netfilter()?;
    for family in [libc::AF_INET, libc::AF_INET6] {
        // The families are small numbers.
        let header = [family as u8, 0, 0, 0];
        let flows = socket.dump(Message::new(CT_GET, 0, &header))?;
        for tuple in flows.iter().filter_map(|flow| matching(flow, ports)) {
            let mut message = Message::new(CT_DELETE, 0, &header);
            let nested = message.open(CTA_TUPLE_ORIG);
            message.raw(tuple);
            message.close(nested);
            match socket.execute(message) {
                Err(error) if error.raw_os_error() != Some(libc::ENOENT) => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}
