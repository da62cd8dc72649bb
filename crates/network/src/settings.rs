//! What a network's configuration means: its texts parsed and checked once.

use std::collections::BTreeMap;
use std::net::IpAddr;

use cove_api::Network;
use serde::Deserialize;

use crate::addr::{Cidr, number};
use crate::error::{Error, Result};

/// A parsed subnet of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubnetSettings {
    pub(crate) subnet: Cidr,
    pub(crate) gateway: Option<IpAddr>,
    pub(crate) range: Option<(IpAddr, IpAddr)>,
}

/// How far a network is kept apart from the others (option `isolate`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Isolation {
    /// Not at all.
    #[default]
    None,
    /// From other isolated networks.
    Isolated,
    /// From all other networks.
    Strict,
}

/// Where addresses come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ipam {
    /// Leases of our own.
    HostLocal,
    /// No addresses.
    None,
}

/// A route into a container besides the default one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteSettings {
    pub(crate) destination: Cidr,
    pub(crate) gateway: IpAddr,
    pub(crate) metric: Option<u32>,
}

/// The drivers done here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Driver {
    /// A bridge with a veth pair for each container.
    Bridge {
        /// It is ours, with addresses and rules; else somebody else's, to which containers are only connected.
        managed: bool,
    },
    /// A macvlan device on a parent, with its mode number.
    Macvlan(u32),
    /// An ipvlan device on a parent, with its mode number.
    Ipvlan(u32),
}

/// A network's configuration, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) driver: Driver,
    pub(crate) subnets: Vec<SubnetSettings>,
    pub(crate) routes: Vec<RouteSettings>,
    pub(crate) ipam: Ipam,
    pub(crate) isolation: Isolation,
    pub(crate) mtu: Option<u32>,
    pub(crate) metric: Option<u32>,
    pub(crate) default_route: bool,
    /// Tag of the virtual LAN that the containers are in, for bridges.
    pub(crate) vlan: Option<u16>,
    /// The virtual router that a bridge belongs to.
    pub(crate) vrf: Option<String>,
    /// From how many broadcasts on macvlan hands them on in the background; -1 is never.
    pub(crate) broadcast_limit: Option<i32>,
}

/// Tags of virtual LANs.
const VLANS: std::ops::RangeInclusive<u16> = 1..=4094;

#[derive(Deserialize)]
struct RouteText {
    destination: String,
    #[serde(default)]
    gateway: String,
    metric: Option<u32>,
    #[serde(default)]
    route_type: String,
}

fn addr(what: &str, text: &str) -> Result<IpAddr> {
    text.parse().map_err(|_| Error::Invalid(format!("{what} {text:?} is not an IP address")))
}

fn subnet(subnet: &cove_api::Subnet) -> Result<SubnetSettings> {
    let cidr = subnet.subnet.parse::<Cidr>()?.network();
    let within = |what: &str, text: &str| -> Result<Option<IpAddr>> {
        if text.is_empty() {
            return Ok(None);
        }
        let found = addr(what, text)?;
        if cidr.contains(found) {
            Ok(Some(found))
        } else {
            Err(Error::Invalid(format!("{what} {text} not in subnet {cidr}")))
        }
    };
    let gateway = within("gateway", &subnet.gateway)?;
    let mut range = None;
    if let Some(lease) = &subnet.lease_range {
        let start = within("lease range start ip", &lease.start_ip)?;
        let end = within("lease range end ip", &lease.end_ip)?;
        if start.is_some() || end.is_some() {
            let (start, end) = (start.unwrap_or_else(|| cidr.first()), end.unwrap_or_else(|| cidr.last()));
            if number(start) > number(end) {
                return Err(Error::Invalid(format!("lease range start {start} is after its end {end}")));
            }
            range = Some((start, end));
        }
    }
    Ok(SubnetSettings { subnet: cidr, gateway, range })
}

fn parse_bool(key: &str, value: &str) -> Result<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(Error::Invalid(format!("unable to parse {key:?} value {value:?}: it is not true or false"))),
    }
}

/// Whether a network has a bridge of ours, with addresses, rules and names.
pub(crate) fn has_own_bridge(network: &Network) -> bool {
    matches!(network.driver.as_str(), "" | "bridge")
        && network.options.get("mode").is_none_or(|mode| mode != "unmanaged")
}

fn driver(network: &Network) -> Result<Driver> {
    let mode = network.options.get("mode").map(String::as_str);
    let unknown = |driver: &str, mode: &str| Err(Error::Invalid(format!("unknown {driver} mode {mode:?}")));
    match network.driver.as_str() {
        "" | "bridge" => match mode {
            None | Some("managed") => Ok(Driver::Bridge { managed: true }),
            Some("unmanaged") => Ok(Driver::Bridge { managed: false }),
            Some(mode) => unknown("bridge", mode),
        },
        "macvlan" => match mode {
            None | Some("bridge") => Ok(Driver::Macvlan(4)),
            Some("private") => Ok(Driver::Macvlan(1)),
            Some("vepa") => Ok(Driver::Macvlan(2)),
            Some("passthru") => Ok(Driver::Macvlan(8)),
            Some(mode) => unknown("macvlan", mode),
        },
        "ipvlan" => match mode {
            None | Some("l2") => Ok(Driver::Ipvlan(0)),
            Some("l3") => Ok(Driver::Ipvlan(1)),
            Some("l3s") => Ok(Driver::Ipvlan(2)),
            Some(mode) => unknown("ipvlan", mode),
        },
        other => Err(Error::Unsupported(format!("unsupported driver {other}: invalid argument"))),
    }
}

impl Settings {
    /// Parses and checks `network`.
    pub(crate) fn parse(network: &Network) -> Result<Self> {
        let driver = driver(network)?;
        let mut settings = Self {
            driver,
            subnets: network.subnets.iter().map(subnet).collect::<Result<_>>()?,
            routes: Vec::new(),
            ipam: Ipam::HostLocal,
            isolation: Isolation::None,
            mtu: None,
            metric: None,
            default_route: !network.internal,
            vlan: None,
            vrf: None,
            broadcast_limit: None,
        };
        for value in &network.routes {
            let route: RouteText = serde_json::from_value(value.clone())
                .map_err(|error| Error::Invalid(format!("route of network {}: {error}", network.name)))?;
            if !matches!(route.route_type.as_str(), "" | "unicast") {
                return Err(Error::Unsupported(format!(
                    "route type {:?} is not supported",
                    route.route_type
                )));
            }
            settings.routes.push(RouteSettings {
                destination: route.destination.parse()?,
                gateway: addr("route gateway", &route.gateway)?,
                metric: route.metric,
            });
        }
        settings.ipam = match network.ipam_options.get("driver").map(String::as_str) {
            None | Some("" | "host-local") => Ipam::HostLocal,
            Some("none") => Ipam::None,
            Some("dhcp") => {
                return Err(Error::Unsupported("ipam driver dhcp is not supported: give a subnet".into()));
            }
            Some(other) => return Err(Error::Unsupported(format!("unsupported ipam driver {other:?}"))),
        };
        settings.options(&network.options)?;
        Ok(settings)
    }

    fn options(&mut self, options: &BTreeMap<String, String>) -> Result<()> {
        let bridge = matches!(self.driver, Driver::Bridge { .. });
        for (key, value) in options {
            let wrong = || Error::Invalid(format!("unable to parse {key:?} value {value:?} as a number"));
            let number = || value.parse().map_err(|_| wrong());
            match key.as_str() {
                "mtu" => self.mtu = Some(number()?).filter(|mtu| *mtu != 0),
                "metric" => self.metric = Some(number()?),
                "no_default_route" => self.default_route = self.default_route && !parse_bool(key, value)?,
                "isolate" if bridge => {
                    self.isolation = match value.as_str() {
                        "strict" => Isolation::Strict,
                        other if parse_bool(key, other)? => Isolation::Isolated,
                        _ => Isolation::None,
                    };
                }
                "vlan" if bridge => {
                    let tag = value.parse().ok().filter(|tag| VLANS.contains(tag));
                    self.vlan = Some(tag.ok_or_else(|| {
                        Error::Invalid(format!("vlan ID {value} must be between 1 and 4094"))
                    })?);
                }
                "vrf" if bridge => {
                    crate::ident::check_device_name(value)?;
                    self.vrf = Some(value.clone());
                }
                "bclim" if matches!(self.driver, Driver::Macvlan(_)) => {
                    let limit = value.parse().ok().filter(|limit| *limit >= -1);
                    self.broadcast_limit = Some(limit.ok_or_else(wrong)?);
                }
                "mode" => {}
                "parent" if !bridge => {}
                _ => return Err(Error::Unsupported(format!("unsupported network option {key}"))),
            }
        }
        Ok(())
    }

    /// Whether a subnet of this family exists.
    pub(crate) fn has_family(&self, ipv4: bool) -> bool {
        self.subnets.iter().any(|subnet| subnet.subnet.is_ipv4() == ipv4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(json: &str) -> Network {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_configuration_of_netavark_is_read() {
        let settings = Settings::parse(&network(
            r#"{"name":"n","driver":"bridge","subnets":[{"subnet":"10.89.0.0/24","gateway":"10.89.0.1",
            "lease_range":{"start_ip":"10.89.0.10","end_ip":"10.89.0.20"}}],
            "routes":[{"destination":"10.1.0.0/16","gateway":"10.89.0.7","metric":5}],
            "options":{"mtu":"1400","isolate":"true"},"ipam_options":{"driver":"host-local"}}"#,
        ))
        .unwrap();
        assert_eq!(settings.mtu, Some(1400));
        assert_eq!(settings.isolation, Isolation::Isolated);
        assert_eq!(settings.subnets[0].range.unwrap().0.to_string(), "10.89.0.10");
        assert_eq!(settings.routes[0].metric, Some(5));
        assert!(settings.default_route && settings.has_family(true) && !settings.has_family(false));
    }

    #[test]
    fn options_of_the_drivers() {
        let settings = Settings::parse(&network(
            r#"{"options":{"vlan":"5","vrf":"red","mode":"unmanaged","metric":"7"}}"#,
        ))
        .unwrap();
        assert_eq!(settings.driver, Driver::Bridge { managed: false });
        assert_eq!(
            (settings.vlan, settings.vrf.as_deref(), settings.metric),
            (Some(5), Some("red"), Some(7))
        );
        let settings =
            Settings::parse(&network(r#"{"driver":"macvlan","options":{"bclim":"-1","mode":"vepa"}}"#))
                .unwrap();
        assert_eq!((settings.driver, settings.broadcast_limit), (Driver::Macvlan(2), Some(-1)));
    }

    #[test]
    fn what_is_not_done_is_refused_by_name() {
        for (json, text) in [
            (r#"{"driver":"overlay"}"#, "unsupported driver overlay"),
            (r#"{"options":{"vlan":"5000"}}"#, "vlan ID 5000"),
            (r#"{"options":{"vrf":"a/b"}}"#, "interface name"),
            (r#"{"options":{"bclim":"5"}}"#, "unsupported network option bclim"),
            (r#"{"driver":"macvlan","options":{"bclim":"-2"}}"#, "bclim"),
            (r#"{"driver":"macvlan","options":{"vlan":"5"}}"#, "unsupported network option vlan"),
            (r#"{"options":{"mode":"own"}}"#, "unknown bridge mode"),
            (r#"{"options":{"isolate":"maybe"}}"#, "isolate"),
            (r#"{"options":{"mtu":"big"}}"#, "mtu"),
            (r#"{"ipam_options":{"driver":"dhcp"}}"#, "dhcp"),
            (
                r#"{"subnets":[{"subnet":"10.0.0.0/24","gateway":"10.0.1.1"}]}"#,
                "gateway 10.0.1.1 not in subnet",
            ),
            (r#"{"routes":[{"destination":"10.0.0.0/8","route_type":"blackhole"}]}"#, "blackhole"),
        ] {
            let error = Settings::parse(&network(json)).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }
}
