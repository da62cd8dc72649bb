//! Containers join networks and leave them, also while they run.

use std::collections::BTreeMap;
use std::sync::Arc;

use cove_api::{ContainerState, Error, ErrorKind, PerNetworkOptions, Result};
use cove_network::SetupOptions;

use crate::container::lookup::Locked;
use crate::engine::Core;
use crate::name::short;
use crate::sandbox;
use crate::state::{ContainerRow, NetworkMode};

/// Adds a container to a network; one that runs gets a further interface at once.
pub(super) fn connect(
    core: &Arc<Core>,
    network: &str,
    container: &str,
    mut options: PerNetworkOptions,
) -> Result<()> {
    crate::container::check_endpoint(&mut options)?;
    let Locked { mut row, lock: _lock } = core.locked_container(container)?;
    on_networks(&row)?;
    let network = core.networks()?.inspect(network)?.name;
    if row.config.networks.contains_key(&network) {
        // As with Docker, where nothing would change anyway.
        if !is_connected(&row) {
            return Ok(());
        }
    }
    if row.status.networks.contains_key(&network) {
        return Err(Error::new(
            ErrorKind::AlreadyExists,
            format!(
                "container {} is already connected to network {network:?}: network is already connected",
                row.id
            ),
        ));
    }
    for alias in [short(&row.id), &row.config.hostname] {
        if !alias.is_empty() && !options.aliases.iter().any(|known| known == alias) {
            options.aliases.push(alias.to_owned());
        }
    }
    let before = row.config.networks.clone();
    if row.config.networks.insert(network.clone(), options.clone()).is_some() {
        // A command that was killed has noted it, and perhaps made it.
        let _ = core.networks()?.disconnect(&row.id, &network);
    }
    core.database()?.save_networks(&row.id, &row.config)?;
    if is_connected(&row)
        && let Err(error) = join(core, &mut row, &network, options)
    {
        row.config.networks = before;
        core.database()?.save_networks(&row.id, &row.config)?;
        return Err(error);
    }
    tell(core, "connect", &row, &network);
    Ok(())
}

/// Takes a container out of a network, which need not be there any more. With `force` it is out also where something
/// of its connection cannot be taken down.
pub(super) fn disconnect(core: &Arc<Core>, network: &str, container: &str, force: bool) -> Result<()> {
    let Locked { mut row, lock: _lock } = core.locked_container(container)?;
    on_networks(&row)?;
    let network = match core.networks()?.inspect(network) {
        Ok(found) => found.name,
        Err(_) if row.config.networks.contains_key(network) => network.to_owned(),
        Err(error) => return Err(error.into()),
    };
    if row.config.networks.remove(&network).is_none() {
        return Err(Error::invalid(format!("container {container} is not connected to network {network}")));
    }
    if is_connected(&row) {
        // What was only noted, by a command that was killed, cannot be taken down.
        let is_half = !row.status.networks.contains_key(&network);
        match leave(core, &mut row, &network) {
            Err(_) if is_half => {}
            Err(error) if force => tracing::warn!("taking {container} out of {network}: {error}"),
            other => other?,
        }
    }
    core.database()?.save_networks(&row.id, &row.config)?;
    tell(core, "disconnect", &row, &network);
    Ok(())
}

/// Brings back what a running container's networks need of the host.
pub(super) fn reload(core: &Arc<Core>, container: &str) -> Result<()> {
    let Locked { mut row, lock: _lock } = core.locked_container(container)?;
    if !matches!(row.state, ContainerState::Running | ContainerState::Paused | ContainerState::Initialized) {
        return Err(Error::new(
            ErrorKind::WrongState,
            format!(
                "cannot reload network of container {container} unless it has been configured: \
                 container state improper"
            ),
        ));
    }
    on_networks(&row)?;
    let found = core.networks()?.reload(&row.id)?;
    if !found.is_empty() && found != row.status.networks {
        row.status.networks = found;
        core.save(&row)?;
    }
    Ok(())
}

/// Only a namespace of its own that is connected to networks can get more of them, or fewer.
fn on_networks(row: &ContainerRow) -> Result<()> {
    if row.config.network == NetworkMode::Bridge {
        return Ok(());
    }
    let mode = crate::container::network_mode(row);
    Err(Error::invalid(format!("{mode:?} is not supported: invalid network mode")))
}

/// Whether its interfaces are there.
fn is_connected(row: &ContainerRow) -> bool {
    matches!(row.state, ContainerState::Running | ContainerState::Paused | ContainerState::Initialized)
        && !row.status.netns.is_empty()
}

fn join(core: &Core, row: &mut ContainerRow, network: &str, options: PerNetworkOptions) -> Result<()> {
    let added = core.networks()?.connect(&SetupOptions {
        container_id: row.id.clone(),
        container_name: row.name.clone(),
        netns: row.status.netns.clone().into(),
        networks: BTreeMap::from([(network.to_owned(), options)]),
        ports: row.config.ports.clone(),
        dns_servers: row.config.files.dns.servers.clone(),
    })?;
    let before = row.status.networks.clone();
    row.status.networks.extend(added);
    core.save(row)?;
    sandbox::follow_networks(
        &row.config,
        &row.name,
        &core.container_run_dir(&row.id),
        &before,
        &row.status.networks,
    )
}

fn leave(core: &Core, row: &mut ContainerRow, network: &str) -> Result<()> {
    let left = core.networks()?.disconnect(&row.id, network);
    let before = row.status.networks.clone();
    row.status.networks.remove(network);
    core.save(row)?;
    sandbox::follow_networks(
        &row.config,
        &row.name,
        &core.container_run_dir(&row.id),
        &before,
        &row.status.networks,
    )?;
    Ok(left?)
}

fn tell(core: &Core, action: &str, row: &ContainerRow, network: &str) {
    let attributes = [("container".to_owned(), row.id.clone()), ("name".to_owned(), network.to_owned())];
    core.events.write("network", action, &row.id, attributes.into());
}
