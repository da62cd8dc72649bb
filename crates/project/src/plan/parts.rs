//! The networks and volumes of a project.

use cove_api::wire::json;
use cove_api::{Error, Network, Result, StringMap, VolumeCreateOptions};
use cove_compose::model::{self, Project};
use cove_compose::{network_hash, volume_hash};
use cove_docker::NetworkBody;
use serde_json::json;

use crate::found::Found;
use crate::label;

/// What is to be done about a network or volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It is not the project's, and must be there.
    External,
    /// It is there, as the file describes it.
    Kept,
    /// It is there, and the file describes another.
    Diverged,
    /// It is not there.
    Missing,
}

fn labels(project: &Project, own: &StringMap, key: (&str, &str), hash: String) -> StringMap {
    let mut labels = own.clone();
    labels.extend(
        [
            (label::PROJECT, project.name.clone()),
            (key.0, key.1.to_owned()),
            (label::VERSION, label::VERSION_VALUE.to_owned()),
            (label::CONFIG_HASH, hash),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    labels
}

fn state(external: bool, found: Option<&StringMap>, hash: &str) -> Part {
    let known = found.map(|labels| labels.get(label::CONFIG_HASH).map(String::as_str));
    match known {
        _ if external => Part::External,
        None => Part::Missing,
        Some(Some(other)) if other != hash => Part::Diverged,
        Some(_) => Part::Kept,
    }
}

/// What is to be done about each network, by the project's keys.
pub fn networks<'a>(
    project: &'a Project,
    found: &Found,
) -> impl Iterator<Item = (&'a str, &'a model::Network, Part)> {
    project.networks.iter().map(|(key, network)| {
        let there = found.networks.iter().find(|known| known.name == network.name);
        let part = state(network.external, there.map(|known| &known.labels), &network_hash(network));
        (key.as_str(), network, part)
    })
}

/// What is to be done about each volume, by the project's keys.
pub fn volumes<'a>(
    project: &'a Project,
    found: &Found,
) -> impl Iterator<Item = (&'a str, &'a model::Volume, Part)> {
    project.volumes.iter().map(|(key, volume)| {
        let there = found.volumes.iter().find(|known| known.name == volume.name);
        let part = state(volume.external, there.map(|known| &known.labels), &volume_hash(volume));
        (key.as_str(), volume, part)
    })
}

/// The request that makes a network.
///
/// # Errors
/// It asks for what is not done; the message names it.
pub fn network(project: &Project, key: &str, network: &model::Network) -> Result<Network> {
    let pool = |pool: &model::IpPool| {
        json!({
            "Subnet": pool.subnet, "Gateway": pool.gateway, "IPRange": pool.ip_range,
            "AuxiliaryAddresses": pool.aux_addresses,
        })
    };
    let pools: Vec<_> = network.ipam.config.iter().map(pool).collect();
    let mut body = json!({
        "Name": network.name,
        "Driver": network.driver,
        "Options": network.driver_opts,
        "Internal": network.internal,
        "Attachable": network.attachable,
        "IPAM": {"Driver": network.ipam.driver, "Config": pools},
        "EnableIPv6": network.enable_ipv6.unwrap_or(false),
        "Labels": labels(project, &network.labels, (label::NETWORK, key), network_hash(network)),
    });
    if let Some(enabled) = network.enable_ipv4 {
        body["EnableIPv4"] = enabled.into();
    }
    let at = |error: Error| Error::new(error.kind, format!("network {key:?}: {}", error.message));
    let body: NetworkBody = json::decode(body.to_string().as_bytes()).map_err(|error| at(error.into()))?;
    body.into_network().map_err(at)
}

/// The request that makes a volume.
#[must_use]
pub fn volume(project: &Project, key: &str, volume: &model::Volume) -> VolumeCreateOptions {
    VolumeCreateOptions {
        name: volume.name.clone(),
        driver: volume.driver.clone(),
        labels: labels(project, &volume.labels, (label::VOLUME, key), volume_hash(volume)),
        options: volume.driver_opts.clone(),
        // Who makes it at the same moment makes the same one.
        ignore_if_exists: true,
        ..VolumeCreateOptions::default()
    }
}
