//! `/secrets`.

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;

use super::answer::Exists;
use super::body::{Blob, Json};
use super::declare::{Endpoint, delete, get, post};
use super::parameters::Nothing;
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::{
    Result, Secret, SecretCreateOptions, SecretCreateReport, SecretInspectOptions, SecretListOptions, Secrets,
};

const CREATE: Endpoint<(), SecretCreateOptions, Blob, Json<SecretCreateReport>> =
    post("/secrets/create", "Make a secret of the body");
const LIST: Endpoint<(), SecretListOptions, (), Json<Vec<Secret>>> =
    get("/secrets/json", "List secrets by name");
const INSPECT: Endpoint<String, SecretInspectOptions, (), Json<Secret>> =
    get("/secrets/{name}/json", "All about a secret");
const EXISTS: Endpoint<String, Nothing, (), Exists> =
    get("/secrets/{name}/exists", "Whether a secret exists").status(StatusCode::NO_CONTENT);
const REMOVE: Endpoint<String, Nothing, (), ()> =
    delete("/secrets/{name}", "Remove a secret").status(StatusCode::NO_CONTENT);

pub(super) fn serve(routes: &mut impl Routes) {
    routes.add(CREATE, |engine, Call { parameters, body: Blob(data), .. }| async move {
        engine.secrets().create(data, parameters).await.map(|id| Json(SecretCreateReport { id }))
    });
    routes.add(LIST, |engine, Call { parameters, .. }| async move {
        engine.secrets().list(parameters).await.map(Json)
    });
    routes.add(INSPECT, |engine, Call { path: name, parameters, .. }| async move {
        engine.secrets().inspect(&name, parameters).await.map(Json)
    });
    routes.add(EXISTS, |engine, Call { path: name, .. }| async move {
        Ok(Exists::new(engine.secrets().exists(&name).await?, "secret", &name))
    });
    routes.add(REMOVE, |engine, Call { path: name, .. }| async move { engine.secrets().remove(&name).await });
}

#[async_trait]
impl<T: Transport + 'static> Secrets for Remote<T> {
    async fn create(&self, data: Bytes, options: SecretCreateOptions) -> Result<String> {
        self.call(CREATE, (), options, Blob(data)).await.map(|Json(report)| report.id)
    }
    async fn list(&self, options: SecretListOptions) -> Result<Vec<Secret>> {
        self.call(LIST, (), options, ()).await.map(|Json(secrets)| secrets)
    }
    async fn inspect(&self, name: &str, options: SecretInspectOptions) -> Result<Secret> {
        self.call(INSPECT, name, options, ()).await.map(|Json(secret)| secret)
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.call(EXISTS, name, Nothing {}, ()).await.map(|exists| exists.found)
    }
    async fn remove(&self, name: &str) -> Result<()> {
        self.call(REMOVE, name, Nothing {}, ()).await
    }
}
