//! Docker's create body of a network.

use cove_api::wire::NotDone;
use cove_api::{Error, LeaseRange, Network, Result, StringMap, Subnet};
use serde::Deserialize;

/// The body of `POST /networks/create`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are Docker's")]
pub struct NetworkBody {
    pub name: String,
    pub driver: String,
    pub internal: bool,
    #[serde(rename = "EnableIPv4")]
    pub enable_ipv4: Option<bool>,
    #[serde(rename = "EnableIPv6")]
    pub enable_ipv6: bool,
    #[serde(rename = "IPAM")]
    pub ipam: Ipam,
    pub options: StringMap,
    pub labels: StringMap,
    pub scope: NotDone<String>,
    pub check_duplicate: NotDone<bool>,
    pub attachable: NotDone<bool>,
    pub ingress: NotDone<bool>,
    pub config_only: NotDone<bool>,
    pub config_from: NotDone<StringMap>,
}

/// Addresses of a network.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are Docker's")]
pub struct Ipam {
    pub driver: String,
    pub config: Vec<IpamConfig>,
    pub options: NotDone<StringMap>,
}

/// A range of addresses.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are Docker's")]
pub struct IpamConfig {
    pub subnet: String,
    pub gateway: String,
    #[serde(rename = "IPRange")]
    pub ip_range: String,
    #[serde(rename = "AuxiliaryAddresses")]
    pub auxiliary_addresses: NotDone<StringMap>,
}

impl NetworkBody {
    /// The network that is asked for.
    ///
    /// # Errors
    /// It cannot be had here.
    pub fn into_network(self) -> Result<Network> {
        if self.enable_ipv4 == Some(false) {
            return Err(Error::unsupported(
                "networks without IPv4 (EnableIPv4: false) are not supported yet",
            ));
        }
        let ipam = self.ipam;
        if !matches!(ipam.driver.as_str(), "" | "default") {
            return Err(Error::invalid(format!("IPAM driver {:?} is not supported", ipam.driver)));
        }
        let mut subnets = Vec::new();
        for config in ipam.config {
            let lease_range = match config.ip_range.as_str() {
                "" => None,
                text => Some(range_of(text)?),
            };
            subnets.push(Subnet { subnet: config.subnet, gateway: config.gateway, lease_range });
        }
        Ok(Network {
            name: self.name,
            driver: if self.driver.is_empty() { "bridge".into() } else { self.driver },
            internal: self.internal,
            ipv6_enabled: self.enable_ipv6,
            dns_enabled: true,
            subnets,
            options: self.options,
            labels: self.labels,
            ..Network::default()
        })
    }
}

/// First and last address of a range in the form `ADDRESS/BITS` (IPv4).
fn range_of(text: &str) -> Result<LeaseRange> {
    let wrong = || Error::invalid(format!("IPRange {text:?} is no IPv4 range"));
    let (address, bits) = text.split_once('/').ok_or_else(wrong)?;
    let address: std::net::Ipv4Addr = address.parse().map_err(|_| wrong())?;
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32).ok_or_else(wrong)?;
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    let first = u32::from(address) & mask;
    Ok(LeaseRange {
        start_ip: std::net::Ipv4Addr::from(first).to_string(),
        end_ip: std::net::Ipv4Addr::from(first | !mask).to_string(),
    })
}
