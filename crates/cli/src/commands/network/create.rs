//! `cove network create`

use cove_api::{LeaseRange, Network, NetworkCreateOptions, Subnet};

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Make a network
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name; a free one of podman1, podman2, … where none is given
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Driver: bridge, macvlan or ipvlan
    #[arg(long, short, value_name = "DRIVER", default_value = "bridge")]
    driver: String,
    /// Option of the driver, KEY=VALUE
    #[arg(long, short, value_name = "OPTION")]
    opt: Vec<String>,
    /// Address range, such as 10.89.5.0/24
    #[arg(long, value_name = "SUBNET", value_delimiter = ',')]
    subnet: Vec<String>,
    /// Gateway of the address range at the same place
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    gateway: Vec<String>,
    /// The part of the address range to give out, START-END or a subnet
    #[arg(long, value_name = "RANGE", value_delimiter = ',')]
    ip_range: Vec<String>,
    /// Route of its containers: SUBNET,GATEWAY[,METRIC]
    #[arg(long, value_name = "ROUTE")]
    route: Vec<String>,
    /// Name server of the network
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    dns: Vec<String>,
    /// No names for containers on it
    #[arg(long)]
    disable_dns: bool,
    /// No way out of it
    #[arg(long)]
    internal: bool,
    /// Also IPv6
    #[arg(long)]
    ipv6: bool,
    /// Name of the bridge on the host
    #[arg(long, value_name = "NAME")]
    interface_name: Option<String>,
    /// Who gives out addresses: host-local or none
    #[arg(long, value_name = "DRIVER")]
    ipam_driver: Option<String>,
    /// Label, KEY=VALUE
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
    /// A network of that name is no error
    #[arg(long)]
    ignore: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let network = described(&args)?;
    let options = NetworkCreateOptions { ignore_if_exists: args.ignore };
    let network = context.engine().await?.networks().create(network, options).await?;
    context.printer.line(&network.name)?;
    Ok(0)
}

/// The network that is asked for.
///
/// # Errors
/// A value is wrong.
pub(crate) fn described(args: &Args) -> Result<Network, CommandError> {
    at_most(&args.names, 1)?;
    let name = args.names.first().cloned().unwrap_or_default();
    if !name.is_empty() {
        cove_spec::name::network(&name)?;
    }
    let mut network = Network {
        name,
        driver: args.driver.clone(),
        network_interface: args.interface_name.clone().unwrap_or_default(),
        subnets: subnets(args)?,
        ipv6_enabled: args.ipv6,
        internal: args.internal,
        dns_enabled: !args.disable_dns,
        network_dns_servers: args.dns.clone(),
        labels: cove_spec::environment::labels(args.label.iter().map(String::as_str))?,
        options: cove_spec::environment::options(args.opt.iter().map(String::as_str), "option")?,
        ..Default::default()
    };
    for text in &args.route {
        network.routes.push(route(text)?);
    }
    if let Some(driver) = &args.ipam_driver {
        network.ipam_options.insert("driver".into(), driver.clone());
    }
    Ok(network)
}

/// Ranges and gateways belong to the subnet at the same place.
fn subnets(args: &Args) -> Result<Vec<Subnet>, CommandError> {
    if args.subnet.is_empty() {
        if !args.gateway.is_empty() || !args.ip_range.is_empty() {
            return Err(CommandError::other("cannot set gateway or range without subnet"));
        }
        return Ok(Vec::new());
    }
    if args.gateway.len() > args.subnet.len() || args.ip_range.len() > args.subnet.len() {
        return Err(CommandError::other("there are more gateways or ranges than subnets"));
    }
    args.subnet
        .iter()
        .enumerate()
        .map(|(at, subnet)| {
            Ok(Subnet {
                subnet: subnet.clone(),
                gateway: args.gateway.get(at).cloned().unwrap_or_default(),
                lease_range: args.ip_range.get(at).map(|range| lease_range(range)).transpose()?,
            })
        })
        .collect()
}

/// `SUBNET,GATEWAY[,METRIC]`.
fn route(text: &str) -> Result<serde_json::Value, CommandError> {
    let parts: Vec<&str> = text.split(',').collect();
    let (destination, gateway, metric) = match parts.as_slice() {
        [destination, gateway] => (*destination, *gateway, None),
        [destination, gateway, metric] => (*destination, *gateway, Some(*metric)),
        _ => {
            return Err(CommandError::other(format!(
                "invalid route: {text}\nFormat: --route <destination in CIDR>,<gateway>,<metric (optional)>"
            )));
        }
    };
    let is_subnet = destination.split_once('/').is_some_and(|(address, length)| {
        let most = if address.contains(':') { 128 } else { 32 };
        address.parse::<std::net::IpAddr>().is_ok() && length.parse::<u8>().is_ok_and(|length| length <= most)
    });
    if !is_subnet {
        return Err(CommandError::other(format!("invalid route destination {destination}")));
    }
    let gateway: std::net::IpAddr =
        gateway.parse().map_err(|_| CommandError::other(format!("invalid route gateway {gateway}")))?;
    let mut route = serde_json::json!({"destination": destination, "gateway": gateway.to_string()});
    if let Some(text) = metric {
        let metric: u32 =
            text.parse().map_err(|_| CommandError::other(format!("invalid route metric {text}")))?;
        route["metric"] = metric.into();
    }
    Ok(route)
}

/// `START-END`, or the addresses of a smaller subnet.
fn lease_range(text: &str) -> Result<LeaseRange, CommandError> {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    let fault = || CommandError::other(format!("invalid ip-range {text:?}: must be START-END or a subnet"));
    if let Some((start, end)) = text.split_once('-') {
        let (start, end): (IpAddr, IpAddr) =
            (start.parse().map_err(|_| fault())?, end.parse().map_err(|_| fault())?);
        return Ok(LeaseRange { start_ip: start.to_string(), end_ip: end.to_string() });
    }
    let (address, length) = text.split_once('/').ok_or_else(fault)?;
    let length: u32 = length.parse().map_err(|_| fault())?;
    let (start, end) = match address.parse().map_err(|_| fault())? {
        IpAddr::V4(address) if length <= 32 => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            let first = u32::from(address) & mask;
            let last = first | !mask;
            // The first address of a subnet names it and the last is for broadcasts.
            let (first, last) = if length < 31 { (first + 1, last - 1) } else { (first, last) };
            (IpAddr::V4(Ipv4Addr::from(first)), IpAddr::V4(Ipv4Addr::from(last)))
        }
        IpAddr::V6(address) if length <= 128 => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            let first = u128::from(address) & mask;
            let last = first | !mask;
            let first = if length < 127 { first + 1 } else { first };
            (IpAddr::V6(Ipv6Addr::from(first)), IpAddr::V6(Ipv6Addr::from(last)))
        }
        _ => return Err(fault()),
    };
    Ok(LeaseRange { start_ip: start.to_string(), end_ip: end.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (text, start, end) in [
            ("10.0.0.5-10.0.0.9", "10.0.0.5", "10.0.0.9"),
            ("10.0.0.128/25", "10.0.0.129", "10.0.0.254"),
            ("fd00::/64", "fd00::1", "fd00::ffff:ffff:ffff:ffff"),
        ] {
            let range = lease_range(text).unwrap();
            assert_eq!((range.start_ip.as_str(), range.end_ip.as_str()), (start, end));
        }
        assert_eq!(
            route("10.1.0.0/16,10.0.0.9,5").unwrap(),
            serde_json::json!({"destination": "10.1.0.0/16", "gateway": "10.0.0.9", "metric": 5})
        );
        for wrong in [
            "10.1.0.0/16",
            "10.1.0.0,10.0.0.9",
            "10.1.0.0/33,1.1.1.1",
            "10.1.0.0/16,x",
            "fd00::/8,fd00::1,-1",
        ] {
            assert!(route(wrong).is_err(), "{wrong}");
        }
        assert!(lease_range("10.0.0.0").is_err() && lease_range("10.0.0.0/99").is_err());
    }
}
