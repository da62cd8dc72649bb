//! The engine trait of networks.

use std::sync::Arc;

use async_trait::async_trait;
use cove_api::{
    Error, ErrorKind, Network, NetworkCreateOptions, NetworkInspect, NetworkListOptions, NetworkMember,
    NetworkUpdateOptions, Networks, PerNetworkOptions, RemoveOptions, Result,
};

use super::connect::{connect, disconnect, reload};
use crate::engine::{Core, LocalEngine, blocking};

fn create(core: &Core, network: Network, options: NetworkCreateOptions) -> Result<Network> {
    let created = core.networks()?.create(network, options)?;
    core.events.write("network", "create", &created.id, attributes(&created));
    Ok(created)
}

fn attributes(network: &Network) -> cove_api::StringMap {
    let driver = if network.driver.is_empty() { "bridge" } else { &network.driver };
    [("name".to_owned(), network.name.clone()), ("type".to_owned(), driver.to_owned())].into()
}

fn list(core: &Core, mut options: NetworkListOptions) -> Result<Vec<Network>> {
    // Which networks are in use only the engine knows.
    let dangling = match options.filters.remove("dangling") {
        Some(values) => Some(crate::filter::truth("dangling", &values)?),
        None => None,
    };
    let mut all = core.networks()?.list(&options.filters)?;
    if let Some(wanted) = dangling {
        let database = core.database()?;
        let mut kept = Vec::new();
        for network in all {
            let unused = database.containers_of_network(&network.name)?.is_empty();
            if unused == wanted && network.name != default_name(core) {
                kept.push(network);
            }
        }
        all = kept;
    }
    Ok(all)
}

pub(crate) fn default_name(core: &Core) -> &str {
    core.options.containers.network.default_network.as_deref().unwrap_or("podman")
}

fn inspect(core: &Core, name: &str) -> Result<NetworkInspect> {
    let network = core.networks()?.inspect(name)?;
    let mut containers = std::collections::BTreeMap::new();
    for mut row in core.database()?.containers_of_network(&network.name)? {
        core.refresh(&mut row)?;
        if !row.state.is_alive() {
            continue;
        }
        let interfaces = row
            .status
            .networks
            .get(&network.name)
            .map(|status| status.interfaces.clone())
            .unwrap_or_default();
        containers.insert(row.id, NetworkMember { name: row.name, interfaces });
    }
    Ok(NetworkInspect { network, containers })
}

fn remove(core: &Arc<Core>, name: &str, force: bool) -> Result<()> {
    let network = core.networks()?.inspect(name)?;
    if network.name == default_name(core) {
        return Err(Error::invalid(format!("default network {} cannot be removed", network.name)));
    }
    let users = core.database()?.containers_of_network(&network.name)?;
    if !users.is_empty() && !force {
        return Err(Error::new(
            ErrorKind::InUse,
            format!(
                "{:?} has associated containers with it. Use -f to forcibly delete containers and pods: network is being used",
                network.name
            ),
        ));
    }
    for user in users {
        let options = RemoveOptions { force: true, ..RemoveOptions::default() };
        match crate::container::remove_container(core, &user.id, &options) {
            Err(error) if error.kind != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    core.networks()?.remove(&network.name)?;
    core.events.write("network", "remove", &network.id, attributes(&network));
    Ok(())
}

#[async_trait]
impl Networks for LocalEngine {
    async fn create(&self, network: Network, options: NetworkCreateOptions) -> Result<Network> {
        blocking(&self.core, move |core| create(core, network, options)).await
    }

    async fn list(&self, options: NetworkListOptions) -> Result<Vec<Network>> {
        blocking(&self.core, move |core| list(core, options)).await
    }

    async fn inspect(&self, name: &str) -> Result<NetworkInspect> {
        let name = name.to_owned();
        blocking(&self.core, move |core| inspect(core, &name)).await
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        let name = name.to_owned();
        blocking(&self.core, move |core| Ok(core.networks()?.exists(&name)?)).await
    }

    async fn remove(&self, name: &str, force: bool) -> Result<()> {
        let name = name.to_owned();
        blocking(&self.core, move |core| remove(core, &name, force)).await
    }

    async fn connect(&self, name: &str, container: &str, options: PerNetworkOptions) -> Result<()> {
        let (name, container) = (name.to_owned(), container.to_owned());
        blocking(&self.core, move |core| connect(core, &name, &container, options)).await
    }

    async fn disconnect(&self, name: &str, container: &str, force: bool) -> Result<()> {
        let (name, container) = (name.to_owned(), container.to_owned());
        blocking(&self.core, move |core| disconnect(core, &name, &container, force)).await
    }

    async fn update(&self, name: &str, options: NetworkUpdateOptions) -> Result<()> {
        let name = name.to_owned();
        blocking(&self.core, move |core| {
            let NetworkUpdateOptions { add_dns_servers, remove_dns_servers } = &options;
            core.networks()?.update_dns(&name, add_dns_servers, remove_dns_servers)?;
            Ok(())
        })
        .await
    }

    async fn reload(&self, container: &str) -> Result<()> {
        let container = container.to_owned();
        blocking(&self.core, move |core| reload(core, &container)).await
    }
}
