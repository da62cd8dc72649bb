//! Networks. JSON: that of netavark's configuration files and of libpod.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::query;
use crate::{Filters, StringMap, Timestamp};

/// How a container joins one network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PerNetworkOptions {
    /// Fixed addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub static_ips: Vec<String>,
    /// Further DNS names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Fixed hardware address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub static_mac: String,
    /// Name of the interface in the container; empty is `eth0`, `eth1`, …
    #[serde(skip_serializing_if = "String::is_empty")]
    pub interface_name: String,
    /// Driver options.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: StringMap,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are netavark's")]
pub struct Network {
    pub name: String,
    pub id: String,
    pub driver: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub network_interface: String,
    pub created: Timestamp,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<Subnet>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<serde_json::Value>,
    pub ipv6_enabled: bool,
    pub internal: bool,
    pub dns_enabled: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub network_dns_servers: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: StringMap,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: StringMap,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ipam_options: StringMap,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            name: String::new(),
            id: String::new(),
            driver: "bridge".into(),
            network_interface: String::new(),
            created: crate::zero_time(),
            subnets: Vec::new(),
            routes: Vec::new(),
            ipv6_enabled: false,
            internal: false,
            dns_enabled: false,
            network_dns_servers: Vec::new(),
            labels: StringMap::new(),
            options: StringMap::new(),
            ipam_options: StringMap::new(),
        }
    }
}

/// An address range of a network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Subnet {
    /// `10.88.0.0/16`.
    pub subnet: String,
    /// `10.88.0.1`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub gateway: String,
    /// The part that is given out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_range: Option<LeaseRange>,
}

/// First and last address to give out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LeaseRange {
    /// First.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub start_ip: String,
    /// Last.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub end_ip: String,
}

/// What `inspect` answers: the network and who is on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NetworkInspect {
    /// The network.
    #[serde(flatten)]
    pub network: Network,
    /// Running containers by id.
    pub containers: BTreeMap<String, NetworkMember>,
}

/// A container on a network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NetworkMember {
    /// The container's name.
    pub name: String,
    /// Its interfaces.
    pub interfaces: BTreeMap<String, NetworkInterface>,
}

/// What setting up one network for a container gave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NetworkStatus {
    /// By name in the container.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub interfaces: BTreeMap<String, NetworkInterface>,
    /// Name servers of the network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_server_ips: Vec<String>,
    /// Search domains of the network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_search_domains: Vec<String>,
}

/// An interface in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NetworkInterface {
    /// Its addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<NetworkAddress>,
    /// Hardware address.
    pub mac_address: String,
}

/// An address with its prefix and gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NetworkAddress {
    /// `10.88.0.5/16`.
    pub ipnet: String,
    /// `10.88.0.1`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub gateway: String,
}

/// Options of `create`, besides the [`Network`] itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NetworkCreateOptions {
    /// An existing network of that name is no error.
    #[serde(rename = "ignoreIfExists")]
    pub ignore_if_exists: bool,
}

/// Changes of a network that exists. JSON: libpod's `NetworkUpdateOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NetworkUpdateOptions {
    /// Name servers that it also asks.
    #[serde(rename = "adddnsservers")]
    pub add_dns_servers: Vec<String>,
    /// Name servers that it asks no more.
    #[serde(rename = "removednsservers")]
    pub remove_dns_servers: Vec<String>,
}

/// Options of `list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NetworkListOptions {
    /// `driver`, `id`, `label`, `name`, `until`, `dangling`.
    #[serde(deserialize_with = "query::filters")]
    pub filters: Filters,
}
