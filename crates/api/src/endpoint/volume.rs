//! `/volumes`.

use async_trait::async_trait;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::Exists;
use super::body::Json;
use super::declare::{Endpoint, delete, get, post};
use super::parameters::{Both, Nothing};
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::wire::NotDone;
use crate::{
    PruneOptions, PruneReport, Result, Volume, VolumeCreateOptions, VolumeListOptions, VolumeRemoveOptions,
    Volumes,
};

const CREATE: Endpoint<(), Nothing, Json<VolumeCreateOptions>, Json<Volume>> =
    post("/volumes/create", "Make a volume").status(StatusCode::CREATED);
const LIST: Endpoint<(), VolumeListOptions, (), Json<Vec<Volume>>> =
    get("/volumes/json", "List volumes by name");
const INSPECT: Endpoint<String, Nothing, (), Json<Volume>> =
    get("/volumes/{name}/json", "All about a volume");
const EXISTS: Endpoint<String, Nothing, (), Exists> =
    get("/volumes/{name}/exists", "Whether a volume exists").status(StatusCode::NO_CONTENT);
const REMOVE: Endpoint<String, VolumeRemoveOptions, (), ()> =
    delete("/volumes/{name}", "Remove a volume with its data").status(StatusCode::NO_CONTENT);
const PRUNE: Endpoint<(), Both<PruneOptions, DryRun>, (), Json<Vec<PruneReport>>> =
    post("/volumes/prune", "Remove the volumes that no container uses");

/// The parameter of prune that is for the service alone.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct DryRun {
    /// Only say what would go.
    dryrun: NotDone<bool>,
}

pub(super) fn serve(routes: &mut impl Routes) {
    routes.add(CREATE, |engine, Call { body: Json(options), .. }| async move {
        engine.volumes().create(options).await.map(Json)
    });
    routes.add(LIST, |engine, Call { parameters, .. }| async move {
        engine.volumes().list(parameters).await.map(Json)
    });
    routes.add(INSPECT, |engine, Call { path: name, .. }| async move {
        engine.volumes().inspect(&name).await.map(Json)
    });
    routes.add(EXISTS, |engine, Call { path: name, .. }| async move {
        Ok(Exists::new(engine.volumes().exists(&name).await?, "volume", &name))
    });
    routes.add(REMOVE, |engine, Call { path: name, parameters, .. }| async move {
        engine.volumes().remove(&name, parameters).await
    });
    routes.add(PRUNE, |engine, Call { parameters, .. }| async move {
        engine.volumes().prune(parameters.0).await.map(Json)
    });
}

#[async_trait]
impl<T: Transport + 'static> Volumes for Remote<T> {
    async fn create(&self, options: VolumeCreateOptions) -> Result<Volume> {
        self.call(CREATE, (), Nothing {}, Json(options)).await.map(|Json(volume)| volume)
    }
    async fn list(&self, options: VolumeListOptions) -> Result<Vec<Volume>> {
        self.call(LIST, (), options, ()).await.map(|Json(volumes)| volumes)
    }
    async fn inspect(&self, name: &str) -> Result<Volume> {
        self.call(INSPECT, name, Nothing {}, ()).await.map(|Json(volume)| volume)
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.call(EXISTS, name, Nothing {}, ()).await.map(|exists| exists.found)
    }
    async fn remove(&self, name: &str, options: VolumeRemoveOptions) -> Result<()> {
        self.call(REMOVE, name, options, ()).await
    }
    async fn prune(&self, options: PruneOptions) -> Result<Vec<PruneReport>> {
        self.call(PRUNE, (), Both(options, DryRun::default()), ()).await.map(|Json(reports)| reports)
    }
}
