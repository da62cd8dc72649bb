//! `/artifacts`.

use async_trait::async_trait;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::Access;
use super::body::{Archive, Json};
use super::declare::{Endpoint, delete, get, post};
use super::parameters::{Both, Nothing};
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::{
    Artifact, ArtifactAddOptions, ArtifactExtractOptions, ArtifactRemoveOptions, ArtifactRemoveReport,
    ArtifactReport, Artifacts, ByteStream, RegistryAccess, Result,
};

const LIST: Endpoint<(), Nothing, (), Json<Vec<Artifact>>> = get("/artifacts/json", "List artifacts");
const INSPECT: Endpoint<String, Nothing, (), Json<Artifact>> =
    get("/artifacts/{name}/json", "All about an artifact");
const ADD: Endpoint<(), ArtifactAddOptions, Archive, Json<ArtifactReport>> =
    post("/artifacts/add", "Add the body as a file to an artifact").status(StatusCode::CREATED);
const PULL: Endpoint<(), Both<Name, Access>, (), Json<ArtifactReport>> =
    post("/artifacts/pull", "Bring an artifact from a registry");
const PUSH: Endpoint<String, Access, (), Json<ArtifactReport>> =
    post("/artifacts/{name}/push", "Bring an artifact to its registry");
const EXTRACT: Endpoint<String, ArtifactExtractOptions, (), Archive> =
    get("/artifacts/{name}/extract", "The files of an artifact as a tar");
const REMOVE: Endpoint<(), ArtifactRemoveOptions, (), Json<ArtifactRemoveReport>> =
    delete("/artifacts/remove", "Remove artifacts");
const REMOVE_ONE: Endpoint<String, Nothing, (), Json<ArtifactRemoveReport>> =
    delete("/artifacts/{name}", "Remove an artifact");

/// The parameter of pull that names the artifact.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Name {
    /// With its registry.
    name: String,
}

pub(super) fn serve(routes: &mut impl Routes) {
    routes.add(
        LIST,
        |engine, _: Call<(), Nothing, ()>| async move { engine.artifacts().list().await.map(Json) },
    );
    routes.add(INSPECT, |engine, Call { path: name, .. }| async move {
        engine.artifacts().inspect(&name).await.map(Json)
    });
    routes.add(ADD, |engine, Call { parameters, body: Archive(data), .. }| async move {
        let artifact_digest = engine.artifacts().add(parameters, data).await?;
        Ok(Json(ArtifactReport { artifact_digest }))
    });
    routes.add(PULL, |engine, Call { parameters: Both(asked, access), .. }| async move {
        let artifact_digest = engine.artifacts().pull(&asked.name, access.into()).await?;
        Ok(Json(ArtifactReport { artifact_digest }))
    });
    routes.add(PUSH, |engine, Call { path: name, parameters: access, .. }| async move {
        let artifact_digest = engine.artifacts().push(&name, access.into()).await?;
        Ok(Json(ArtifactReport { artifact_digest }))
    });
    routes.add(EXTRACT, |engine, Call { path: name, parameters, .. }| async move {
        engine.artifacts().extract(&name, parameters).await.map(Archive)
    });
    routes.add(REMOVE, |engine, Call { parameters, .. }| async move {
        let artifact_digests = engine.artifacts().remove(parameters).await?;
        Ok(Json(ArtifactRemoveReport { artifact_digests }))
    });
    routes.add(REMOVE_ONE, |engine, Call { path: name, .. }| async move {
        let options = ArtifactRemoveOptions { artifacts: vec![name], ..ArtifactRemoveOptions::default() };
        let artifact_digests = engine.artifacts().remove(options).await?;
        Ok(Json(ArtifactRemoveReport { artifact_digests }))
    });
}

#[async_trait]
impl<T: Transport + 'static> Artifacts for Remote<T> {
    async fn list(&self) -> Result<Vec<Artifact>> {
        self.call(LIST, (), Nothing {}, ()).await.map(|Json(rows)| rows)
    }
    async fn inspect(&self, name: &str) -> Result<Artifact> {
        self.call(INSPECT, name, Nothing {}, ()).await.map(|Json(artifact)| artifact)
    }
    async fn add(&self, options: ArtifactAddOptions, data: ByteStream) -> Result<String> {
        self.call(ADD, (), options, Archive(data)).await.map(|Json(report)| report.artifact_digest)
    }
    async fn pull(&self, name: &str, access: RegistryAccess) -> Result<String> {
        let parameters = Both(Name { name: name.to_owned() }, self.access(&access).await?);
        self.call(PULL, (), parameters, ()).await.map(|Json(report)| report.artifact_digest)
    }
    async fn push(&self, name: &str, access: RegistryAccess) -> Result<String> {
        let access = self.access(&access).await?;
        self.call(PUSH, name, access, ()).await.map(|Json(report)| report.artifact_digest)
    }
    async fn extract(&self, name: &str, options: ArtifactExtractOptions) -> Result<ByteStream> {
        self.call(EXTRACT, name, options, ()).await.map(|Archive(archive)| archive)
    }
    async fn remove(&self, options: ArtifactRemoveOptions) -> Result<Vec<String>> {
        self.call(REMOVE, (), options, ()).await.map(|Json(report)| report.artifact_digests)
    }
}
