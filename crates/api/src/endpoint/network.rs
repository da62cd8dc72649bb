//! `/networks`.

use async_trait::async_trait;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::Exists;
use super::body::Json;
use super::declare::{Endpoint, delete, get, post};
use super::parameters::Nothing;
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::{
    Network, NetworkCreateOptions, NetworkInspect, NetworkListOptions, NetworkPruneReport,
    NetworkUpdateOptions, Networks, PerNetworkOptions, PruneOptions, Result, StringMap,
};

const CREATE: Endpoint<(), NetworkCreateOptions, Json<Network>, Json<Network>> =
    post("/networks/create", "Make a network of the fields that are set, and answer it whole");
const LIST: Endpoint<(), NetworkListOptions, (), Json<Vec<Network>>> =
    get("/networks/json", "List networks by name");
const INSPECT: Endpoint<String, Nothing, (), Json<NetworkInspect>> =
    get("/networks/{name}/json", "A network and who is on it");
const INSPECT_BARE: Endpoint<String, Nothing, (), Json<NetworkInspect>> =
    get("/networks/{name}", "A network and who is on it, by the shorter path");
const EXISTS: Endpoint<String, Nothing, (), Exists> =
    get("/networks/{name}/exists", "Whether a network exists").status(StatusCode::NO_CONTENT);
const REMOVE: Endpoint<String, Force, (), Json<Vec<Removed>>> =
    delete("/networks/{name}", "Remove a network");
const PRUNE: Endpoint<(), PruneOptions, (), Json<Vec<NetworkPruneReport>>> =
    post("/networks/prune", "Remove the networks that no container uses");
const CONNECT: Endpoint<String, Nothing, Json<Connect>, Json<String>> =
    post("/networks/{name}/connect", "Add a container to a network");
const DISCONNECT: Endpoint<String, Nothing, Json<Disconnect>, Json<String>> =
    post("/networks/{name}/disconnect", "Take a container out of a network");
const UPDATE: Endpoint<String, Nothing, Json<NetworkUpdateOptions>, ()> =
    post("/networks/{name}/update", "Change a network's name servers").status(StatusCode::NO_CONTENT);
/// Ours: Podman's service does not offer it.
const RELOAD: Endpoint<String, Nothing, (), ()> = post(
    "/containers/{name}/network/reload",
    "Bring back what a container's networks need of the host, such as firewall rules",
)
.status(StatusCode::NO_CONTENT);

/// The answer to what has no other.
const OK: &str = "OK";

/// The body of connect: the container and how it joins.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Connect {
    /// The container.
    container: String,
    /// Fixed addresses.
    static_ips: Vec<String>,
    /// Further DNS names.
    aliases: Vec<String>,
    /// Fixed hardware address.
    static_mac: String,
    /// Name of the interface in the container; empty is `eth0`, `eth1`, …
    interface_name: String,
    /// Driver options.
    options: StringMap,
    /// podman-py has the rest here, in Docker's words; it is added to what is said above.
    #[serde(rename = "EndpointConfig", skip_serializing_if = "Option::is_none")]
    endpoint_config: Option<DockerEndpoint>,
}

/// How podman-py says how a container joins.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
struct DockerEndpoint {
    /// Further DNS names.
    aliases: Vec<String>,
    /// Driver options.
    driver_opts: StringMap,
    /// One of the fixed addresses again.
    #[serde(rename = "IPAddress")]
    ip_address: String,
    /// Fixed addresses.
    #[serde(rename = "IPAMConfig")]
    ipam_config: DockerAddresses,
    /// The network again.
    #[serde(rename = "NetworkID")]
    network_id: String,
}

/// Fixed addresses in Docker's words.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct DockerAddresses {
    /// Of IPv4.
    #[serde(rename = "IPv4Address")]
    ipv4_address: String,
    /// Of IPv6.
    #[serde(rename = "IPv6Address")]
    ipv6_address: String,
}

impl Connect {
    fn new(container: &str, options: PerNetworkOptions) -> Self {
        let PerNetworkOptions { static_ips, aliases, static_mac, interface_name, options } = options;
        Self {
            container: container.to_owned(),
            static_ips,
            aliases,
            static_mac,
            interface_name,
            options,
            endpoint_config: None,
        }
    }

    fn parts(self) -> (String, PerNetworkOptions) {
        let Self { container, mut static_ips, mut aliases, static_mac, interface_name, mut options, .. } =
            self;
        if let Some(endpoint) = self.endpoint_config {
            let DockerAddresses { ipv4_address, ipv6_address } = endpoint.ipam_config;
            for address in [ipv4_address, ipv6_address, endpoint.ip_address] {
                if !address.is_empty() && !static_ips.contains(&address) {
                    static_ips.push(address);
                }
            }
            aliases.extend(endpoint.aliases);
            options.extend(endpoint.driver_opts);
        }
        (container, PerNetworkOptions { static_ips, aliases, static_mac, interface_name, options })
    }
}

/// The body of disconnect.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
struct Disconnect {
    /// The container.
    container: String,
    /// Go on where its connection is broken.
    force: bool,
}

/// Parameters of remove.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Force {
    /// Also remove the containers on it.
    force: bool,
}

/// The answer of remove for one network.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
struct Removed {
    /// The network's name.
    name: String,
    /// Always null here: an error is an answer of its own.
    err: Option<String>,
}

pub(super) fn serve(routes: &mut impl Routes) {
    routes.add(CREATE, |engine, Call { parameters, body: Json(network), .. }| async move {
        engine.networks().create(network, parameters).await.map(Json)
    });
    routes.add(LIST, |engine, Call { parameters, .. }| async move {
        engine.networks().list(parameters).await.map(Json)
    });
    routes.add(INSPECT, |engine, Call { path: name, .. }| async move {
        engine.networks().inspect(&name).await.map(Json)
    });
    routes.add(INSPECT_BARE, |engine, Call { path: name, .. }| async move {
        engine.networks().inspect(&name).await.map(Json)
    });
    routes.add(EXISTS, |engine, Call { path: name, .. }| async move {
        Ok(Exists::new(engine.networks().exists(&name).await?, "network", &name))
    });
    routes.add(REMOVE, |engine, Call { path: name, parameters, .. }| async move {
        engine.networks().remove(&name, parameters.force).await?;
        Ok(Json(vec![Removed { name, err: None }]))
    });
    routes.add(PRUNE, |engine, Call { parameters, .. }| async move {
        engine.networks().prune(parameters).await.map(Json)
    });
    routes.add(CONNECT, |engine, Call { path: name, body: Json(body), .. }| async move {
        let (container, options) = body.parts();
        engine.networks().connect(&name, &container, options).await?;
        Ok(Json(OK.to_owned()))
    });
    routes.add(DISCONNECT, |engine, Call { path: name, body: Json(body), .. }| async move {
        engine.networks().disconnect(&name, &body.container, body.force).await?;
        Ok(Json(OK.to_owned()))
    });
    routes.add(UPDATE, |engine, Call { path: name, body: Json(options), .. }| async move {
        engine.networks().update(&name, options).await
    });
    routes.add(RELOAD, |engine, Call { path: container, .. }| async move {
        engine.networks().reload(&container).await
    });
}

#[async_trait]
impl<T: Transport + 'static> Networks for Remote<T> {
    async fn create(&self, network: Network, options: NetworkCreateOptions) -> Result<Network> {
        self.call(CREATE, (), options, Json(network)).await.map(|Json(network)| network)
    }
    async fn list(&self, options: NetworkListOptions) -> Result<Vec<Network>> {
        self.call(LIST, (), options, ()).await.map(|Json(networks)| networks)
    }
    async fn inspect(&self, name: &str) -> Result<NetworkInspect> {
        self.call(INSPECT, name, Nothing {}, ()).await.map(|Json(network)| network)
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.call(EXISTS, name, Nothing {}, ()).await.map(|exists| exists.found)
    }
    async fn remove(&self, name: &str, force: bool) -> Result<()> {
        self.call(REMOVE, name, Force { force }, ()).await.map(drop)
    }
    async fn prune(&self, options: PruneOptions) -> Result<Vec<NetworkPruneReport>> {
        self.call(PRUNE, (), options, ()).await.map(|Json(reports)| reports)
    }
    async fn connect(&self, name: &str, container: &str, options: PerNetworkOptions) -> Result<()> {
        self.call(CONNECT, name, Nothing {}, Json(Connect::new(container, options))).await.map(drop)
    }
    async fn disconnect(&self, name: &str, container: &str, force: bool) -> Result<()> {
        let body = Disconnect { container: container.to_owned(), force };
        self.call(DISCONNECT, name, Nothing {}, Json(body)).await.map(drop)
    }
    async fn update(&self, name: &str, options: NetworkUpdateOptions) -> Result<()> {
        self.call(UPDATE, name, Nothing {}, Json(options)).await
    }
    async fn reload(&self, container: &str) -> Result<()> {
        self.call(RELOAD, container, Nothing {}, ()).await
    }
}
