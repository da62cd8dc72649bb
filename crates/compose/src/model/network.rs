//! Networks, and how services are in them.

use std::collections::BTreeMap;

use super::absent::{Absent, model};

model! {
    /// A network of the project.
    pub struct Network {
        /// The engine's name of it.
        pub name: String,
        /// Its driver; empty for the default one.
        pub driver: String,
        /// The driver's options.
        pub driver_opts: BTreeMap<String, String>,
        /// Its addresses.
        pub ipam: Ipam,
        /// Whether it exists already and is none of the project's.
        pub external: bool,
        /// Whether it leads nowhere else.
        pub internal: bool,
        /// Whether containers of others may join.
        pub attachable: bool,
        /// Labels.
        pub labels: BTreeMap<String, String>,
        /// Whether it has IPv4 addresses; none for the default, which is yes.
        pub enable_ipv4: Option<bool>,
        /// Whether it has IPv6 addresses.
        pub enable_ipv6: Option<bool>,
    }

    /// Addresses of a network.
    pub struct Ipam {
        /// The driver that gives them.
        pub driver: String,
        /// Ranges of addresses.
        pub config: Vec<IpPool>,
    }

    /// A range of addresses.
    pub struct IpPool {
        /// The subnet.
        pub subnet: String,
        /// Its gateway.
        pub gateway: String,
        /// The part that containers get addresses of.
        pub ip_range: String,
        /// Addresses that are taken, by name.
        pub aux_addresses: BTreeMap<String, String>,
    }

    /// How a service is in a network.
    pub struct ServiceNetwork {
        /// Further names.
        pub aliases: Vec<String>,
        /// The driver's options for this end.
        pub driver_opts: BTreeMap<String, String>,
        /// The network with the highest one has the default route.
        pub gw_priority: i64,
        /// The interface's name in the container.
        pub interface_name: String,
        /// A fixed address.
        pub ipv4_address: String,
        /// A fixed address.
        pub ipv6_address: String,
        /// Link-local addresses.
        pub link_local_ips: Vec<String>,
        /// A fixed hardware address.
        pub mac_address: String,
        /// Networks are joined from the highest one down.
        pub priority: i64,
    }
}

/// It is written even where it says nothing, as `{}`.
impl Absent for Ipam {
    fn absent(&self) -> bool {
        false
    }
}
