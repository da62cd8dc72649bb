//! A container's network on a host that has none, where the user-mode network does not start: an address on its
//! loopback device, to which the port forwarder carries published ports.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;

use cove_api::PublishedPort;

use crate::addr::Cidr;
use crate::error::{Error, Result};
use crate::link;
use crate::netns;
use crate::route;
use crate::setup::route_socket;
use crate::store::Networks;
use crate::userland::{Started, UserlandOptions, UserlandReport};

/// The container's address, that of pasta's newer versions on such a host. Not a loopback address, which services in
/// the container might trust.
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 2, 1));

impl Networks {
    /// Gives the namespace all that there is.
    pub(crate) fn start_offline(
        &self,
        options: &UserlandOptions,
        ports: &[PublishedPort],
    ) -> Result<Started> {
        tracing::debug!("the host has no network: {} gets loopback alone", options.container_id);
        let address = Cidr::new(ADDRESS, 32)
            .ok_or_else(|| Error::Invalid(format!("{ADDRESS} with a prefix of 32 is no network")))?;
        let namespace = netns::open(&options.netns)
            .map_err(|error| Error::file("opening the network namespace", &options.netns, error))?;
        netns::within(namespace.as_fd(), || {
            let mut socket = route_socket()?;
            let Some(loopback) = link::find(&mut socket, "lo")? else { return Ok(()) };
            link::set_up(&mut socket, loopback.index)?;
            route::add_address(&mut socket, loopback.index, address)
        })?;
        let process = match ports {
            [] => None,
            _ => Some(self.start_forwarder(&options.netns, vec![ADDRESS], ports)?),
        };
        let report = UserlandReport { addresses: vec![address], ..UserlandReport::default() };
        Ok(Started { process, report })
    }
}
