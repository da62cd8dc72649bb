//! `/play/kube`, `/kube`, `/generate/kube`: Kubernetes YAML.

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Asked, Described, Received, Reply, read_whole, whole};
use super::auth::Access;
use super::body::{BLOB, Blob, Body, Json, LONGEST_BODY, Outgoing, TAR, collect};
use super::declare::{Endpoint, delete, get, post};
use super::parameters::{Both, Parameters};
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::{
    ByteStream, Error, Kube, KubeApplyOptions, KubeDownOptions, KubeGenerateOptions, KubePlayOptions,
    KubeReport, RegistryAccess, Result,
};

type Play = Endpoint<(), Both<Both<KubePlayOptions, Access>, Form>, Played, Json<KubeReport>>;
type Generate = Endpoint<(), Both<Names, KubeGenerateOptions>, (), Yaml>;
type Down = Endpoint<(), KubeDownOptions, Blob, Json<KubeReport>>;

const PLAY: Play = post(
    "/play/kube",
    "Make and start what a Kubernetes file describes, or play.yaml of a tar with build contexts",
);
const DOWN: Down = delete("/play/kube", "Take away what a Kubernetes file describes");
/// The same under their newer names.
const KUBE_PLAY: Play = post("/kube/play", "Make and start what a Kubernetes file describes, as /play/kube");
const KUBE_DOWN: Down = delete("/kube/play", "Take away what a Kubernetes file describes, as /play/kube");
const APPLY: Endpoint<(), KubeApplyOptions, Blob, Json<String>> =
    post("/kube/apply", "Apply Kubernetes YAML to a cluster");
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
            |engine, Call { parameters: Both(Both(options, access), form), body, .. }| async move {
                let options = KubePlayOptions { access: access.into(), ..options };
                let report = match form {
                    Form::Text => engine.kube().play(body.text().await?, options).await,
                    Form::Archive => engine.kube().play_archive(body.stream(), options).await,
                };
                report.map(Json)
            },
        );
    }
    for endpoint in [DOWN, KUBE_DOWN] {
        routes.add(endpoint, |engine, Call { parameters, body: Blob(text), .. }| async move {
            engine.kube().down(text, parameters).await.map(Json)
        });
    }
    routes.add(APPLY, |engine, Call { parameters, body: Blob(text), .. }| async move {
        engine.kube().apply(text, parameters).await?;
        // Podman's word.
        Ok(Json("Deployed!".to_owned()))
    });
    for endpoint in [GENERATE, KUBE_GENERATE] {
        routes.add(endpoint, |engine, Call { parameters: Both(names, options), .. }| async move {
            engine.kube().generate(names.names, options).await.map(Yaml)
        });
    }
}

/// What the body is, which its media type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Documents.
    Text,
    /// A tar.
    Archive,
}

impl Parameters for Form {
    fn read(_: &str, headers: &HeaderMap) -> Result<Self> {
        let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Self::Text) };
        let text = value.to_str().unwrap_or("?");
        let media_type = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            TAR => Ok(Self::Archive),
            // What Podman takes, and what clients send that say nothing of their own.
            ""
            | BLOB
            | "text/plain"
            | "plain/text"
            | "application/text"
            | "application/x-www-form-urlencoded"
            | "application/json"
            | "application/yaml"
            | "application/x-yaml"
            | "text/yaml"
            | "text/x-yaml" => Ok(Self::Text),
            _ => Err(Error::invalid(format!(
                "Content-Type: {text} is not supported: {TAR}, or application/yaml for a text"
            ))),
        }
    }
    fn write(&self, _: &mut String, headers: &mut HeaderMap) -> Result<()> {
        let media_type = match self {
            Self::Text => "application/yaml",
            Self::Archive => TAR,
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        Ok(())
    }
    fn keys() -> Vec<&'static str> {
        Vec::new()
    }
    fn describe(_: &mut SchemaGenerator) -> Vec<serde_json::Value> {
        Vec::new()
    }
}

/// A text or an archive.
enum Played {
    Text(Bytes),
    Stream(ByteStream),
}

impl Played {
    async fn text(self) -> Result<Bytes> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Stream(mut stream) => {
                collect(&mut stream, LONGEST_BODY).await.map_err(|error| error.context("request body"))
            }
        }
    }
    fn stream(self) -> ByteStream {
        match self {
            Self::Text(text) => Box::pin(futures_util::stream::iter([Ok(text)])),
            Self::Stream(stream) => stream,
        }
    }
}

impl Body for Played {
    async fn read(body: &mut ByteStream) -> Result<Self> {
        let empty: ByteStream = Box::pin(futures_util::stream::empty());
        Ok(Self::Stream(std::mem::replace(body, empty)))
    }
    fn write(self) -> Result<Outgoing> {
        Ok(match self {
            Self::Text(text) => Outgoing::Blob(text),
            Self::Stream(stream) => Outgoing::Archive(stream),
        })
    }
    fn describe(_: &mut SchemaGenerator) -> Option<(&'static str, Schema)> {
        Some(("application/yaml", Schema::default()))
    }
}

impl<T: Transport + 'static> Remote<T> {
    async fn play_as(&self, form: Form, body: Played, options: KubePlayOptions) -> Result<KubeReport> {
        if options.seccomp_profile_root.is_some() {
            return Err(Error::unsupported(
                "--seccomp-profile-root names a folder of the engine's host: not over a service",
            ));
        }
        let access = self.access(&options.access).await?;
        let options = KubePlayOptions { access: RegistryAccess::default(), folder: None, ..options };
        let parameters = Both(Both(options, access), form);
        self.call(PLAY, (), parameters, body).await.map(|Json(report)| report)
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
    async fn apply(&self, text: Bytes, options: KubeApplyOptions) -> Result<()> {
        self.call(APPLY, (), options, Blob(text)).await.map(|Json(_)| ())
    }
    async fn play(&self, text: Bytes, options: KubePlayOptions) -> Result<KubeReport> {
        self.play_as(Form::Text, Played::Text(text), options).await
    }
    async fn play_archive(&self, archive: ByteStream, options: KubePlayOptions) -> Result<KubeReport> {
        self.play_as(Form::Archive, Played::Stream(archive), options).await
    }
    async fn down(&self, text: Bytes, options: KubeDownOptions) -> Result<KubeReport> {
        self.call(DOWN, (), options, Blob(text)).await.map(|Json(report)| report)
    }
    async fn generate(&self, names: Vec<String>, options: KubeGenerateOptions) -> Result<String> {
        self.call(GENERATE, (), Both(Names { names }, options), ()).await.map(|Yaml(text)| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_by_their_media_types() {
        let form = |text: &str| {
            let headers = [(header::CONTENT_TYPE, HeaderValue::from_str(text).unwrap())];
            Form::read("", &headers.into_iter().collect())
        };
        assert_eq!(Form::read("", &HeaderMap::new()).unwrap(), Form::Text);
        for (text, expected) in [
            ("application/x-tar", Form::Archive),
            ("Application/X-Tar; x=y", Form::Archive),
            ("plain/text", Form::Text),
            ("application/json; charset=utf-8", Form::Text),
            ("application/octet-stream", Form::Text),
        ] {
            assert_eq!(form(text).unwrap(), expected, "{text}");
        }
        let error = form("application/zip").unwrap_err();
        assert!(error.message.contains("Content-Type: application/zip is not supported"), "{error}");
        for form in [Form::Text, Form::Archive] {
            let mut headers = HeaderMap::new();
            form.write(&mut String::new(), &mut headers).unwrap();
            assert_eq!(Form::read("", &headers).unwrap(), form);
        }
    }
}
