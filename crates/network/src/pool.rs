//! Where subnets come from that nobody has chosen.

use crate::addr::{Cidr, from_number, number};
use crate::error::{Error, Result};
use crate::ident;

/// From where free subnets are taken (containers.conf `default_subnet_pools`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubnetPool {
    /// The range.
    pub base: Cidr,
    /// Prefix length of each subnet taken from it.
    pub size: u8,
}

impl SubnetPool {
    /// The pool of subnets of `size` bits in `base`, such as `10.89.0.0/16`.
    ///
    /// # Errors
    /// `base` is no subnet, or none of that size fits into it.
    pub fn new(base: &str, size: u8) -> Result<Self> {
        let base: Cidr = base.parse()?;
        let most = if base.is_ipv4() { 30 } else { 126 };
        if !(base.prefix()..=most).contains(&size) {
            return Err(Error::Invalid(format!(
                "invalid subnet pool {base}: no subnet of size {size} fits into it"
            )));
        }
        Ok(Self { base, size })
    }

    /// Podman's pools: /24 networks from 10.89.0.0 to 10.255.255.255.
    pub fn defaults() -> Vec<Self> {
        ["10.89.0.0/16", "10.90.0.0/15", "10.92.0.0/14", "10.96.0.0/11", "10.128.0.0/9"]
            .iter()
            .filter_map(|base| Some(Self { base: base.parse().ok()?, size: 24 }))
            .collect()
    }
}

/// First address after the network address: the default gateway.
pub(crate) fn first_host(subnet: Cidr) -> std::net::IpAddr {
    let first = number(subnet.first());
    from_number(if subnet.host_bits() > 1 { first + 1 } else { first }, subnet.is_ipv4())
}

/// The first subnet of the pools that overlaps none of `used`.
pub(crate) fn free_subnet(used: &[Cidr], pools: &[SubnetPool]) -> Result<Cidr> {
    for pool in pools {
        let mut candidate = Cidr::new(pool.base.first(), pool.size);
        while let Some(subnet) = candidate.filter(|subnet| pool.base.contains(subnet.first())) {
            if !used.iter().any(|other| other.overlaps(&subnet)) {
                return Ok(subnet);
            }
            candidate = subnet.next_network();
        }
    }
    Err(Error::InUse("could not find free subnet from subnet pools".into()))
}

/// A random unique local subnet (RFC 4193).
pub(crate) fn free_ipv6_subnet(used: &[Cidr]) -> Cidr {
    loop {
        let mut bytes = [0u8; 16];
        bytes[..8].copy_from_slice(&ident::random_bytes::<8>());
        bytes[0] = 0xfd;
        if let Some(subnet) = Cidr::new(std::net::IpAddr::from(bytes), 64)
            && !used.iter().any(|other| other.overlaps(&subnet))
        {
            return subnet;
        }
    }
}
