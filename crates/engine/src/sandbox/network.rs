//! Connecting it to its networks.

use std::os::fd::OwnedFd;

use cove_api::{NetworkAddress, NetworkInterface, NetworkStatus, Result};
use cove_network::{SetupOptions, UserNetwork, UserlandOptions};

use super::plan::{Connected, Plan};
use super::userns;
use crate::parts::Parts;
use crate::state::NetworkMode;

/// Makes the namespace and connects it; the sockets reserve its published ports as long as they are open.
pub(super) fn connect(parts: &Parts, plan: &Plan<'_>) -> Result<(Connected, Vec<OwnedFd>)> {
    let config = plan.config;
    let mut connected = Connected::default();
    if !config.network.has_own_namespace() {
        return Ok((connected, Vec::new()));
    }
    let all = parts.networks()?;
    let path = match userns::make(plan)? {
        Some(holder) => {
            connected.userns = Some(userns::keep(&holder, &plan.folder)?);
            all.adopt_netns(plan.id, &holder.namespace("net"))?
        }
        None => all.create_netns(plan.id)?,
    };
    connected.netns = Some(path.clone());
    if config.network.is_userland() {
        start_program(parts, plan, &mut connected)?;
        return Ok((connected, Vec::new()));
    }
    if config.network != NetworkMode::Bridge || config.networks.is_empty() {
        return Ok((connected, Vec::new()));
    }
    let report = all.setup(&SetupOptions {
        container_id: plan.id.to_owned(),
        container_name: plan.name.to_owned(),
        netns: path,
        networks: config.networks.clone(),
        ports: config.ports.clone(),
        dns_servers: config.files.dns.servers.clone(),
    })?;
    connected.networks = report.networks;
    connected.host_address = report.host.map(|address| address.to_string()).unwrap_or_default();
    Ok((connected, report.sockets))
}

/// Those of ordinary users without a bridge: pasta or slirp4netns connects the namespace.
fn start_program(parts: &Parts, plan: &Plan<'_>, connected: &mut Connected) -> Result<()> {
    let networks = parts.networks()?;
    let config = plan.config;
    let chosen = match config.network {
        NetworkMode::Slirp => UserNetwork::Slirp4netns,
        NetworkMode::Pasta => UserNetwork::Pasta,
        // Without a choice of the user's, slirp4netns does where pasta is missing.
        _ => networks.default_user_network()?,
    };
    let conf = &parts.options.containers;
    let (name, configured) = match chosen {
        UserNetwork::Pasta => ("pasta", &conf.network.pasta_options),
        UserNetwork::Slirp4netns => ("slirp4netns", &conf.engine.network_cmd_options),
    };
    let mut program_options: Vec<String> =
        configured.as_ref().map(|list| list.values.clone()).unwrap_or_default();
    program_options.extend(config.network_programs.get(name).cloned().unwrap_or_default());
    let report = networks.setup_userland(&UserlandOptions {
        network: chosen,
        container_id: plan.id.to_owned(),
        netns: connected.netns.clone().unwrap_or_default(),
        ports: config.ports.clone(),
        program_options,
    })?;
    let subnets = report
        .addresses
        .iter()
        .map(|address| NetworkAddress { ipnet: address.to_string(), gateway: String::new() })
        .collect();
    let interface = NetworkInterface { subnets, mac_address: String::new() };
    let status = NetworkStatus {
        interfaces: [("eth0".to_owned(), interface)].into(),
        dns_server_ips: report.dns_servers,
        dns_search_domains: Vec::new(),
    };
    connected.networks = [(name.to_owned(), status)].into();
    connected.host_address = report.host.map(|address| address.to_string()).unwrap_or_default();
    Ok(())
}
