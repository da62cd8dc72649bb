//! `/volumes`.

use async_trait::async_trait;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::Exists;
use super::body::{Archive, Json};
use super::declare::{Endpoint, delete, get, post};
use super::parameters::Nothing;
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::{
    ByteStream, PruneReport, Result, Volume, VolumeCreateOptions, VolumeListOptions, VolumePruneOptions,
    VolumeRemoveOptions, Volumes,
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
const PRUNE: Endpoint<(), VolumePruneOptions, (), Json<Vec<PruneReport>>> =
    post("/volumes/prune", "Remove the volumes that no container uses");
const EXPORT: Endpoint<String, Nothing, (), Archive> =
    get("/volumes/{name}/export", "A volume's contents as a tar archive");
const IMPORT: Endpoint<String, Nothing, Archive, ()> =
    post("/volumes/{name}/import", "Add what is in a tar archive to a volume").status(StatusCode::NO_CONTENT);
/// Ours, as is the next: Podman's service offers neither.
const MOUNT: Endpoint<String, Nothing, (), Json<Mounted>> =
    post("/volumes/{name}/mount", "Mount a volume on the service's host");
const UNMOUNT: Endpoint<String, Nothing, (), ()> =
    post("/volumes/{name}/unmount", "Take a mount of a volume back").status(StatusCode::NO_CONTENT);

/// The answer of mount.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
struct Mounted {
    /// The directory on the service's host.
    path: String,
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
        engine.volumes().prune(parameters).await.map(Json)
    });
    routes.add(EXPORT, |engine, Call { path: name, .. }| async move {
        engine.volumes().export(&name).await.map(Archive)
    });
    routes.add(IMPORT, |engine, Call { path: name, body: Archive(archive), .. }| async move {
        engine.volumes().import(&name, archive).await
    });
    routes.add(MOUNT, |engine, Call { path: name, .. }| async move {
        Ok(Json(Mounted { path: engine.volumes().mount(&name).await? }))
    });
    routes
        .add(UNMOUNT, |engine, Call { path: name, .. }| async move { engine.volumes().unmount(&name).await });
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
    async fn prune(&self, options: VolumePruneOptions) -> Result<Vec<PruneReport>> {
        self.call(PRUNE, (), options, ()).await.map(|Json(reports)| reports)
    }
    async fn export(&self, name: &str) -> Result<ByteStream> {
        self.call(EXPORT, name, Nothing {}, ()).await.map(|Archive(archive)| archive)
    }
    async fn import(&self, name: &str, archive: ByteStream) -> Result<()> {
        self.call(IMPORT, name, Nothing {}, Archive(archive)).await
    }
    async fn mount(&self, name: &str) -> Result<String> {
        self.call(MOUNT, name, Nothing {}, ()).await.map(|Json(mounted)| mounted.path)
    }
    async fn unmount(&self, name: &str) -> Result<()> {
        self.call(UNMOUNT, name, Nothing {}, ()).await
    }
}
