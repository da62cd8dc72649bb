//! Containers of ordinary users without a bridge: pasta or slirp4netns connects their network namespace.

use cove_api::{NetworkAddress, NetworkInterface, NetworkStatus, Result};
use cove_network::{UserNetwork, UserlandOptions};

use crate::engine::Core;
use crate::state::{ContainerRow, NetworkMode};

/// Makes the namespace and starts the program.
pub(super) fn set_up(core: &Core, row: &mut ContainerRow) -> Result<()> {
    let networks = core.networks()?;
    let path = networks.create_netns(&row.id)?;
    row.status.netns = path.to_string_lossy().into_owned();
    let spec = &row.config.spec;
    let chosen = match row.config.network {
        NetworkMode::Slirp => UserNetwork::Slirp4netns,
        // Without a choice of the user's, slirp4netns does where pasta is missing.
        _ if spec.netns.nsmode != "pasta" => networks.default_user_network()?,
        _ => UserNetwork::Pasta,
    };
    let (name, configured) = match chosen {
        UserNetwork::Pasta => ("pasta", &core.options.containers.network.pasta_options),
        UserNetwork::Slirp4netns => ("slirp4netns", &core.options.containers.engine.network_cmd_options),
    };
    let mut program_options: Vec<String> =
        configured.as_ref().map(|list| list.values.clone()).unwrap_or_default();
    program_options.extend(spec.network_options.get(name).cloned().unwrap_or_default());
    let report = networks.setup_userland(&UserlandOptions {
        network: chosen,
        container_id: row.id.clone(),
        netns: path,
        ports: row.config.ports.clone(),
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
    row.status.networks = [(name.to_owned(), status)].into();
    row.status.host_address = report.host.map(|address| address.to_string()).unwrap_or_default();
    Ok(())
}
