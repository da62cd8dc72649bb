//! A container's networks, addresses and ports.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a port is published.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectHostPort {
    #[serde(rename = "HostIp")]
    pub host_ip: String,
    #[serde(rename = "HostPort")]
    pub host_port: String,
}

/// A further address.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectAddress {
    #[serde(rename = "Addr")]
    pub addr: String,
    #[serde(rename = "PrefixLength")]
    pub prefix_length: i32,
}

/// Addresses on one network.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectBasicNetworkConfig {
    #[serde(rename = "EndpointID")]
    pub endpoint_id: String,
    #[serde(rename = "Gateway")]
    pub gateway: String,
    #[serde(rename = "IPAddress")]
    pub ip_address: String,
    #[serde(rename = "IPPrefixLen")]
    pub ip_prefix_len: i32,
    #[serde(rename = "SecondaryIPAddresses", skip_serializing_if = "Vec::is_empty")]
    pub secondary_ip_addresses: Vec<InspectAddress>,
    #[serde(rename = "IPv6Gateway")]
    pub ipv6_gateway: String,
    #[serde(rename = "GlobalIPv6Address")]
    pub global_ipv6_address: String,
    #[serde(rename = "GlobalIPv6PrefixLen")]
    pub global_ipv6_prefix_len: i32,
    #[serde(rename = "SecondaryIPv6Addresses", skip_serializing_if = "Vec::is_empty")]
    pub secondary_ipv6_addresses: Vec<InspectAddress>,
    #[serde(rename = "MacAddress")]
    pub mac_address: String,
    #[serde(rename = "AdditionalMACAddresses", skip_serializing_if = "Vec::is_empty")]
    pub additional_mac_addresses: Vec<String>,
}

/// One network of a container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectAdditionalNetwork {
    #[serde(flatten)]
    pub basic: InspectBasicNetworkConfig,
    #[serde(rename = "NetworkID", skip_serializing_if = "String::is_empty")]
    pub network_id: String,
    #[serde(rename = "DriverOpts")]
    pub driver_opts: BTreeMap<String, String>,
    #[serde(rename = "IPAMConfig")]
    pub ipam_config: BTreeMap<String, String>,
    #[serde(rename = "Links")]
    pub links: Vec<String>,
    #[serde(rename = "Aliases", skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

/// Its networks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct InspectNetworkSettings {
    #[serde(flatten)]
    pub basic: InspectBasicNetworkConfig,
    #[serde(rename = "Bridge")]
    pub bridge: String,
    #[serde(rename = "SandboxID")]
    pub sandbox_id: String,
    #[serde(rename = "HairpinMode")]
    pub hairpin_mode: bool,
    #[serde(rename = "LinkLocalIPv6Address")]
    pub link_local_ipv6_address: String,
    #[serde(rename = "LinkLocalIPv6PrefixLen")]
    pub link_local_ipv6_prefix_len: i32,
    #[serde(rename = "Ports")]
    pub ports: BTreeMap<String, Vec<InspectHostPort>>,
    #[serde(rename = "SandboxKey")]
    pub sandbox_key: String,
    #[serde(rename = "Networks", skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<String, InspectAdditionalNetwork>,
}
