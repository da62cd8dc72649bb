//! `/manifests`.

use async_trait::async_trait;
use http::StatusCode;
use serde_json::Value;

use super::answer::Exists;
use super::auth::Access;
use super::body::Json;
use super::declare::{Endpoint, delete, get, post, put};
use super::exec::Made;
use super::image::{Push, PushParameters};
use super::parameters::{Both, Nothing};
use super::progress::Steps;
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::{
    Error, ImageRemoveReport, ManifestCreateOptions, ManifestModifyOptions, ManifestModifyReport,
    ManifestOperation as Operation, ManifestRemoveOptions, Manifests, Progress, PushOptions, PushReport,
    RegistryAccess, Result, ValueStream,
};

/// What may come with a request that makes a list: a change of it.
type Further = Option<Json<ManifestModifyOptions>>;

const CREATE: Endpoint<String, ManifestCreateOptions, Further, Json<Made>> =
    post("/manifests/{name}", "Make a list of images").status(StatusCode::CREATED);
const EXISTS: Endpoint<String, Nothing, (), Exists> =
    get("/manifests/{name}/exists", "Whether a list exists").status(StatusCode::NO_CONTENT);
const INSPECT: Endpoint<String, Access, (), Json<Value>> =
    get("/manifests/{name}/json", "The contents of a list in the store or a registry");
const MODIFY: Endpoint<String, Access, Json<ManifestModifyOptions>, Json<ManifestModifyReport>> =
    put("/manifests/{name}", "Add to a list, take from it, or change its entries");
const REMOVE: Endpoint<String, ManifestRemoveOptions, (), Json<ImageRemoveReport>> =
    delete("/manifests/{name}", "Remove a list or one of its names");
const PUSH: Endpoint<(String, String), PushParameters, (), Steps<PushReport>> =
    post("/manifests/{name}/registry/{destination}", "Bring a list and its images to a registry");

pub(super) fn serve(routes: &mut impl Routes) {
    routes.add(CREATE, |engine, Call { path: name, parameters, body }| async move {
        let is_new = !parameters.amend;
        let id = engine.manifests().create(&name, parameters).await?;
        if let Some(Json(change)) = body {
            let usual = if change.images.is_empty() { Operation::Annotate } else { Operation::Update };
            let change = ManifestModifyOptions { operation: change.operation.or(Some(usual)), ..change };
            if let Err(error) = engine.manifests().modify(&id, change).await {
                // Nothing half made is left.
                if is_new {
                    let _ = engine.manifests().remove(&id, ManifestRemoveOptions::default()).await;
                }
                return Err(error);
            }
        }
        Ok(Json(Made { id }))
    });
    routes.add(EXISTS, |engine, Call { path: name, .. }| async move {
        Ok(Exists::new(engine.manifests().exists(&name).await?, "manifest", &name))
    });
    routes.add(INSPECT, |engine, Call { path: name, parameters: access, .. }| async move {
        engine.manifests().inspect(&name, access.into()).await.map(Json)
    });
    routes.add(MODIFY, |engine, Call { path: name, parameters: access, body: Json(change) }| async move {
        let change = ManifestModifyOptions { access: access.into(), ..change };
        engine.manifests().modify(&name, change).await.map(Json)
    });
    routes.add(REMOVE, |engine, Call { path: name, parameters, .. }| async move {
        let report = engine.manifests().remove(&name, parameters).await?;
        match report.failure() {
            None => Ok(Json(report)),
            Some(error) => Err(error),
        }
    });
    routes.add(PUSH, |engine, call| async move {
        let (name, destination) = call.path;
        let Both(push, Both(options, access)) = call.parameters;
        let options = PushOptions { access: access.into(), destination, ..options };
        let progress = engine.manifests().push(&name, options).await?;
        Ok(Steps { progress, with_blobs: !push.quiet, with_text: !push.quiet })
    });
}

#[async_trait]
impl<T: Transport + 'static> Manifests for Remote<T> {
    async fn create(&self, name: &str, options: ManifestCreateOptions) -> Result<String> {
        if options.access != RegistryAccess::default() {
            return Err(Error::unsupported(
                "manifest create takes no options for registries over a service: add the images with manifest add",
            ));
        }
        self.call(CREATE, name, options, None).await.map(|Json(made)| made.id)
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.call(EXISTS, name, Nothing {}, ()).await.map(|exists| exists.found)
    }
    async fn inspect(&self, name: &str, access: RegistryAccess) -> Result<Value> {
        let access = self.access(&access).await?;
        self.call(INSPECT, name, access, ()).await.map(|Json(list)| list)
    }
    async fn modify(&self, name: &str, change: ManifestModifyOptions) -> Result<ManifestModifyReport> {
        if !change.files.is_empty() {
            return Err(Error::unsupported("--artifact adds files of the engine's host: not over a service"));
        }
        let access = self.access(&change.access).await?;
        self.call(MODIFY, name, access, Json(change)).await.map(|Json(report)| report)
    }
    async fn remove(&self, name: &str, options: ManifestRemoveOptions) -> Result<ImageRemoveReport> {
        self.call(REMOVE, name, options, ()).await.map(|Json(report)| report)
    }
    async fn push(&self, name: &str, options: PushOptions) -> Result<ValueStream<Progress<PushReport>>> {
        super::image::refuse_signing(&options)?;
        let access = self.access(&options.access).await?;
        let destination =
            if options.destination.is_empty() { name.to_owned() } else { options.destination.clone() };
        let options = PushOptions { destination: String::new(), ..options };
        let parameters = Both(Push { quiet: false }, Both(options, access));
        let steps = self.call(PUSH, (name.to_owned(), destination), parameters, ()).await?;
        Ok(steps.progress)
    }
}
