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
    Network, NetworkCreateOptions, NetworkInspect, NetworkListOptions, NetworkPruneReport, Networks,
    PruneOptions, Result,
};

const CREATE: Endpoint<(), NetworkCreateOptions, Json<Network>, Json<Network>> =
    post("/networks/create", "Make a network of the fields that are set, and answer it whole");
const LIST: Endpoint<(), NetworkListOptions, (), Json<Vec<Network>>> =
    get("/networks/json", "List networks by name");
const INSPECT: Endpoint<String, Nothing, (), Json<NetworkInspect>> =
    get("/networks/{name}/json", "A network and who is on it");
const EXISTS: Endpoint<String, Nothing, (), Exists> =
    get("/networks/{name}/exists", "Whether a network exists").status(StatusCode::NO_CONTENT);
const REMOVE: Endpoint<String, Force, (), Json<Vec<Removed>>> =
    delete("/networks/{name}", "Remove a network");
const PRUNE: Endpoint<(), PruneOptions, (), Json<Vec<NetworkPruneReport>>> =
    post("/networks/prune", "Remove the networks that no container uses");

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
}
