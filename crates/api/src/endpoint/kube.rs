//! `/play/kube`, `/kube`, `/generate/kube`: Kubernetes YAML.

use async_trait::async_trait;
use bytes::Bytes;
use http::Response;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Asked, Described, Received, Reply, read_whole, whole};
use super::auth::Access;
use super::body::{Blob, Json};
use super::declare::{Endpoint, delete, get, post};
use super::parameters::Both;
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::{
    ByteStream, Error, Kube, KubeDownOptions, KubeGenerateOptions, KubePlayOptions, KubeReport,
    RegistryAccess, Result,
};

type Play = Endpoint<(), Both<KubePlayOptions, Access>, Blob, Json<KubeReport>>;
type Generate = Endpoint<(), Both<Names, KubeGenerateOptions>, (), Yaml>;
type Down = Endpoint<(), KubeDownOptions, Blob, Json<KubeReport>>;

const PLAY: Play = post("/play/kube", "Make and start what a Kubernetes file describes");
const DOWN: Down = delete("/play/kube", "Take away what a Kubernetes file describes");
/// The same under their newer names.
const KUBE_PLAY: Play = post("/kube/play", "Make and start what a Kubernetes file describes, as /play/kube");
const KUBE_DOWN: Down = delete("/kube/play", "Take away what a Kubernetes file describes, as /play/kube");
const GENERATE: Generate = get("/generate/kube", "Kubernetes YAML of containers, pods and volumes");
const KUBE_GENERATE: Generate =
    get("/kube/generate", "Kubernetes YAML of containers, pods and volumes, as /generate/kube");

/// The parameter of generate that names objects.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Names {
    /// Names or ids of containers, pods or volumes.
    names: Vec<String>,
}

pub(super) fn serve(routes: &mut impl Routes) {
    for endpoint in [PLAY, KUBE_PLAY] {
        routes.add(
            endpoint,
            |engine, Call { parameters: Both(options, access), body: Blob(text), .. }| async move {
                let options = KubePlayOptions { access: access.into(), ..options };
                engine.kube().play(text, options).await.map(Json)
            },
        );
    }
    for endpoint in [DOWN, KUBE_DOWN] {
        routes.add(endpoint, |engine, Call { parameters, body: Blob(text), .. }| async move {
            engine.kube().down(text, parameters).await.map(Json)
        });
    }
    for endpoint in [GENERATE, KUBE_GENERATE] {
        routes.add(endpoint, |engine, Call { parameters: Both(names, options), .. }| async move {
            engine.kube().generate(names.names, options).await.map(Yaml)
        });
    }
}

/// A text of documents.
struct Yaml(String);

const MEDIA_TYPE: &str = "text/vnd.yaml";

impl Answer for Yaml {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        Ok(whole(asked.status, MEDIA_TYPE, self.0.into()))
    }
    fn describe(_: &mut SchemaGenerator) -> Described {
        Described { content: Some((MEDIA_TYPE, Schema::default())) }
    }
}

impl Received for Yaml {
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        let body = read_whole(response).await?;
        match String::from_utf8(body.to_vec()) {
            Ok(text) => Ok(Self(text)),
            Err(_) => Err(Error::internal("the service answered no text")),
        }
    }
}

#[async_trait]
impl<T: Transport + 'static> Kube for Remote<T> {
    async fn play(&self, text: Bytes, options: KubePlayOptions) -> Result<KubeReport> {
        if options.seccomp_profile_root.is_some() {
            return Err(Error::unsupported(
                "--seccomp-profile-root names a folder of the engine's host: not over a service",
            ));
        }
        let access = self.access(&options.access).await?;
        let options = KubePlayOptions { access: RegistryAccess::default(), folder: None, ..options };
        self.call(PLAY, (), Both(options, access), Blob(text)).await.map(|Json(report)| report)
    }
    async fn down(&self, text: Bytes, options: KubeDownOptions) -> Result<KubeReport> {
        self.call(DOWN, (), options, Blob(text)).await.map(|Json(report)| report)
    }
    async fn generate(&self, names: Vec<String>, options: KubeGenerateOptions) -> Result<String> {
        self.call(GENERATE, (), Both(Names { names }, options), ()).await.map(|Yaml(text)| text)
    }
}
