//! Addresses with a prefix length, in the text form of the configuration files.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use cove_api::MacAddress;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Error;

/// An address with its prefix length; host bits are kept (`10.88.0.2/16`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr {
    addr: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// `None` where `prefix` is longer than the family allows.
    pub fn new(addr: IpAddr, prefix: u8) -> Option<Self> {
        let limit = if addr.is_ipv4() { 32 } else { 128 };
        (prefix <= limit).then_some(Self { addr, prefix })
    }

    /// The address as it was written.
    pub fn addr(&self) -> IpAddr {
        self.addr
    }

    /// Length of the prefix in bits.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether this is an IPv4 address.
    pub fn is_ipv4(&self) -> bool {
        self.addr.is_ipv4()
    }

    fn bits(&self) -> u8 {
        if self.is_ipv4() { 32 } else { 128 }
    }

    /// Number of host bits.
    pub(crate) fn host_bits(&self) -> u8 {
        self.bits() - self.prefix
    }

    fn mask(&self) -> u128 {
        let full = if self.is_ipv4() { u128::from(u32::MAX) } else { u128::MAX };
        if self.prefix == 0 { 0 } else { (full << (self.bits() - self.prefix)) & full }
    }

    /// The subnet with the host bits cleared.
    pub fn network(&self) -> Self {
        Self { addr: from_number(number(self.addr) & self.mask(), self.is_ipv4()), prefix: self.prefix }
    }

    /// First address of the subnet.
    pub fn first(&self) -> IpAddr {
        self.network().addr
    }

    /// Last address of the subnet (the broadcast address for IPv4).
    pub fn last(&self) -> IpAddr {
        let full = if self.is_ipv4() { u128::from(u32::MAX) } else { u128::MAX };
        from_number((number(self.addr) & self.mask()) | (full & !self.mask()), self.is_ipv4())
    }

    /// Whether `addr` lies in the subnet.
    pub fn contains(&self, addr: IpAddr) -> bool {
        addr.is_ipv4() == self.is_ipv4() && number(addr) & self.mask() == number(self.addr) & self.mask()
    }

    /// Whether the two subnets share an address.
    pub fn overlaps(&self, other: &Cidr) -> bool {
        self.contains(other.first()) || other.contains(self.first())
    }

    /// The subnet of the same size after this one, where there is one.
    pub(crate) fn next_network(&self) -> Option<Self> {
        let step = 1u128.checked_shl(u32::from(self.host_bits()))?;
        let next = number(self.first()).checked_add(step)?;
        if self.is_ipv4() && next > u128::from(u32::MAX) {
            return None;
        }
        Some(Self { addr: from_number(next, self.is_ipv4()), prefix: self.prefix })
    }
}

/// The address as a number.
pub(crate) fn number(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => u128::from(u32::from(addr)),
        IpAddr::V6(addr) => u128::from(addr),
    }
}

/// The address a number stands for; bits beyond the family's are cut.
pub(crate) fn from_number(number: u128, ipv4: bool) -> IpAddr {
    if ipv4 {
        // Cut on purpose: callers stay within the family.
        IpAddr::V4(Ipv4Addr::from((number & u128::from(u32::MAX)) as u32))
    } else {
        IpAddr::V6(Ipv6Addr::from(number))
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || Error::Invalid(format!("invalid CIDR address: {text}"));
        let (addr, prefix) = text.split_once('/').ok_or_else(invalid)?;
        if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        let addr = addr.parse().map_err(|_| invalid())?;
        Self::new(addr, prefix.parse().map_err(|_| invalid())?).ok_or_else(invalid)
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The address with the subnet of its link, where it is valid on one link only.
pub(crate) fn link_local(address: IpAddr) -> Option<Cidr> {
    match address {
        IpAddr::V4(ip) if ip.is_link_local() => Cidr::new(address, 16),
        IpAddr::V6(ip) if ip.is_unicast_link_local() => Cidr::new(address, 64),
        _ => None,
    }
}

/// A random locally administered unicast hardware address.
pub(crate) fn random_mac() -> MacAddress {
    let mut bytes = crate::ident::random_bytes::<6>();
    bytes[0] = (bytes[0] & 0xfc) | 0x02;
    MacAddress(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn subnets_know_their_ends() {
        let subnet = cidr("10.88.3.4/16");
        assert_eq!(subnet.to_string(), "10.88.3.4/16");
        assert_eq!(subnet.network().to_string(), "10.88.0.0/16");
        assert_eq!(subnet.last().to_string(), "10.88.255.255");
        assert_eq!(cidr("0.0.0.0/0").last().to_string(), "255.255.255.255");
        assert_eq!(cidr("fd00::5/64").last().to_string(), "fd00::ffff:ffff:ffff:ffff");
        assert_eq!(cidr("10.89.0.0/24").next_network().unwrap().to_string(), "10.89.1.0/24");
        assert!(cidr("255.255.255.0/24").next_network().is_none());
        assert!(cidr("10.0.0.0/8").overlaps(&cidr("10.88.0.0/16")));
        assert!(!cidr("10.89.0.0/24").overlaps(&cidr("10.89.1.0/24")));
        assert!(!cidr("::/0").overlaps(&cidr("10.89.1.0/24")));
    }

    #[test]
    fn malformed_texts_are_refused() {
        for text in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0/8", "fd00::/129", "10.0.0.0/"] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }
}
