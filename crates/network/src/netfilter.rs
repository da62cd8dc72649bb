//! Requests of nfnetlink: asking for a chain of nftables, and forgetting tracked UDP flows to published ports.
//!
//! The kernel translates only the first packet of a flow by rule and the rest by memory. A client that keeps
//! sending to a port while its container is replaced would reach the dead one, or nobody, until it pauses for
//! half a minute.

use std::collections::BTreeSet;
use std::io;

use netlink_packet_core::{
    DefaultNla, Emitable, NLA_F_NESTED, NLA_HEADER_SIZE, NetlinkSerializable, NlasIterator,
};

use crate::netlink::{CHANGE, Socket};

const NFPROTO_INET: u8 = 1;
// Numbers of address families are small.
const NFPROTO_IPV4: u8 = libc::AF_INET as u8;
const NFPROTO_IPV6: u8 = libc::AF_INET6 as u8;

const NFT_GET_CHAIN: u16 = (10 << 8) | 4;
const NFTA_CHAIN_TABLE: u16 = 1;
const NFTA_CHAIN_NAME: u16 = 3;

const CT_GET: u16 = (1 << 8) | 1;
const CT_DELETE: u16 = (1 << 8) | 2;
const CTA_TUPLE_ORIG: u16 = 1;
const CTA_TUPLE_PROTO: u16 = 2;
const CTA_PROTO_NUM: u16 = 1;
const CTA_PROTO_DST_PORT: u16 = 3;
const UDP: u8 = 17;

/// Length of `struct nfgenmsg`: family, version, and a number for some uses, both 0 here.
const HEADER: usize = 4;

/// A request of nfnetlink.
struct Request {
    kind: u16,
    family: u8,
    attributes: Vec<DefaultNla>,
}

impl NetlinkSerializable for Request {
    fn message_type(&self) -> u16 {
        self.kind
    }

    fn buffer_len(&self) -> usize {
        HEADER + self.attributes.as_slice().buffer_len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer[..HEADER].copy_from_slice(&[self.family, 0, 0, 0]);
        self.attributes.as_slice().emit(&mut buffer[HEADER..]);
    }
}

fn text(kind: u16, value: &str) -> DefaultNla {
    DefaultNla::new(kind, [value.as_bytes(), &[0]].concat())
}

/// The value of the attribute `wanted` in `bytes`.
fn find(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    let found =
        NlasIterator::new(bytes).map_while(Result::ok).find(|attribute| attribute.kind() == wanted)?;
    let length = usize::from(found.length());
    found.into_inner().get(NLA_HEADER_SIZE..length)
}

/// The family of an nftables table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NftFamily {
    /// `inet`.
    Inet,
    /// `ip`.
    Ip,
    /// `ip6`.
    Ip6,
}

/// Whether the nftables chain exists; one system call instead of a run of `nft`.
pub(crate) fn nft_chain_exists(family: NftFamily, table: &str, chain: &str) -> io::Result<bool> {
    let family = match family {
        NftFamily::Inet => NFPROTO_INET,
        NftFamily::Ip => NFPROTO_IPV4,
        NftFamily::Ip6 => NFPROTO_IPV6,
    };
    let attributes = vec![text(NFTA_CHAIN_TABLE, table), text(NFTA_CHAIN_NAME, chain)];
    match Socket::netfilter()?.query(Request { kind: NFT_GET_CHAIN, family, attributes }) {
        Ok(answers) => Ok(!answers.is_empty()),
        // The latter: the module is not loaded yet, which `nft` will do.
        Err(error)
            if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINVAL | libc::EOPNOTSUPP)) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// The original tuple of a flow, where it is UDP to one of `ports`.
fn matching<'a>(body: &'a [u8], ports: &BTreeSet<u16>) -> Option<&'a [u8]> {
    let tuple = find(body.get(HEADER..)?, CTA_TUPLE_ORIG)?;
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
    for family in [NFPROTO_IPV4, NFPROTO_IPV6] {
        let flows = socket.dump(Request { kind: CT_GET, family, attributes: Vec::new() })?;
        for tuple in flows.iter().filter_map(|flow| matching(flow, ports)) {
            let attributes = vec![DefaultNla::new(CTA_TUPLE_ORIG | NLA_F_NESTED, tuple.to_vec())];
            match socket.execute(Request { kind: CT_DELETE, family, attributes }, CHANGE) {
                Err(error) if error.raw_os_error() != Some(libc::ENOENT) => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_are_matched_by_protocol_and_port() {
        let flow = |number: u8, port: u16| {
            let nested = |kind: u16, attributes: &[DefaultNla]| {
                let mut bytes = vec![0; attributes.buffer_len()];
                attributes.emit(&mut bytes);
                DefaultNla::new(kind | NLA_F_NESTED, bytes)
            };
            let protocol = nested(
                CTA_TUPLE_PROTO,
                &[
                    DefaultNla::new(CTA_PROTO_NUM, vec![number]),
                    DefaultNla::new(CTA_PROTO_DST_PORT, port.to_be_bytes().to_vec()),
                ],
            );
            let attributes = vec![nested(CTA_TUPLE_ORIG, &[protocol])];
            let request = Request { kind: CT_GET, family: NFPROTO_IPV4, attributes };
            let mut body = vec![0; request.buffer_len()];
            request.serialize(&mut body);
            body
        };
        let ports = BTreeSet::from([53]);
        assert!(matching(&flow(UDP, 53), &ports).is_some());
        assert!(matching(&flow(UDP, 54), &ports).is_none());
        assert!(matching(&flow(6, 53), &ports).is_none());
        let whole = flow(UDP, 53);
        for end in 0..whole.len() {
            assert!(matching(&whole[..end], &ports).is_none(), "{end}");
        }
    }
}
