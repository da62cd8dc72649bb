//! `/_ping`, `/version`, `/info`, `/events`, `/system` and `/cove/state`.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::Response;
use schemars::{JsonSchema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::answer::{
    Answer, Asked, Described, JSON, Received, Reply, json_lines, lines, read_json_lines,
    read_long_json_lines, read_whole, started, text,
};
use super::body::Json;
use super::declare::{Endpoint, get, post};
use super::parameters::Nothing;
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::{
    ByteStream, DOCKER_API_VERSION, DOCKER_MIN_API_VERSION, DiskUsage, Error, Event, EventOptions,
    FollowOptions, Info, Ping, Result, StateLine, System, SystemCheckOptions, SystemCheckReport,
    SystemPruneOptions, SystemPruneReport, ValueStream, Version,
};

const PING: Endpoint<(), Nothing, (), Ping> = get("/_ping", "Whether the service answers; headers say more");
const VERSION: Endpoint<(), Nothing, (), Json<ServiceVersion>> = get("/version", "The service's version");
const INFO: Endpoint<(), Nothing, (), Json<Info>> = get("/info", "All about the service and its host");
const EVENTS: Endpoint<(), EventOptions, (), EventLines> = get("/events", "What happened and happens");

const DISK_USAGE: Endpoint<(), Nothing, (), Json<DiskUsage>> =
    get("/system/df", "What images, containers and volumes take on the disk");
const DOCUMENT: Endpoint<(), Nothing, (), Json<serde_json::Value>> =
    get("/swagger", "This document: OpenAPI 3.1");
const STATE: Endpoint<(), FollowOptions, (), StateLines> =
    get("/state", "All there is, then what changes: JSON values, one a line").own();
/// For people who look for it, and tools that are pointed at it.
const OWN_DOCUMENT: Endpoint<(), Nothing, (), Json<serde_json::Value>> =
    get("/openapi.json", "This document: OpenAPI 3.1").own();
const PRUNE: Endpoint<(), SystemPruneOptions, (), Json<SystemPruneReport>> =
    post("/system/prune", "Remove everything that nothing uses");
const CHECK: Endpoint<(), SystemCheckOptions, (), Json<SystemCheckReport>> =
    post("/system/check", "Look for damage in the store, and repair it");

pub(super) fn serve(routes: &mut impl Routes) {
    routes.add(PING, |engine, Call { .. }| async move { engine.system().ping().await });
    routes.add(VERSION, |engine, Call { .. }| async move {
        engine.system().version().await.map(|version| Json(version.into()))
    });
    routes.add(INFO, |engine, Call { .. }| async move { engine.system().info().await.map(Json) });
    routes.add(EVENTS, |engine, Call { parameters, .. }| async move {
        engine.system().events(parameters).await.map(EventLines)
    });
    routes.add(DISK_USAGE, |engine, Call { .. }| async move { engine.system().disk_usage().await.map(Json) });
    routes.add(DOCUMENT, |_, _: Call<(), Nothing, ()>| async { Ok(Json(super::document())) });
    routes.add(OWN_DOCUMENT, |_, _: Call<(), Nothing, ()>| async { Ok(Json(super::document())) });
    routes.add(STATE, |engine, Call { parameters, .. }| async move {
        engine.system().follow(parameters).await.map(StateLines)
    });
    routes.add(CHECK, |engine, Call { parameters, .. }| async move {
        engine.system().check(parameters).await.map(Json)
    });
    routes.add(PRUNE, |engine, Call { parameters, .. }| async move {
        engine.system().prune(parameters).await.map(Json)
    });
}

/// The body is a word; what it tells is in the headers that every answer of a service has.
impl Answer for Ping {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        Ok(text(asked.status, Bytes::from_static(b"OK")))
    }
    fn describe(_: &mut SchemaGenerator) -> Described {
        Described { content: Some(("text/plain", json_schema!({"type": "string", "const": "OK"}))) }
    }
}

impl Received for Ping {
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        let (head, body) = response.into_parts();
        let header = |name: &str| {
            head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let ping =
            Self { libpod_api_version: header("Libpod-API-Version"), api_version: header("Api-Version") };
        read_whole(Response::new(body)).await?;
        Ok(ping)
    }
}

/// The answer of version, in the shape that Docker's API and libpod's share; the engine's own facts are in the first
/// component.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are Docker's")]
pub struct ServiceVersion {
    pub platform: Platform,
    pub components: Vec<Component>,
    pub version: String,
    pub api_version: String,
    #[serde(rename = "MinAPIVersion")]
    pub min_api_version: String,
    pub git_commit: String,
    pub go_version: String,
    pub os: String,
    pub arch: String,
    pub build_time: String,
}

/// The platform in a [`ServiceVersion`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct Platform {
    /// System, architecture and engine.
    pub name: String,
}

/// A program that makes up the service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are Docker's")]
pub struct Component {
    pub name: String,
    pub version: String,
    pub details: Details,
}

/// What is known of a [`Component`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct Details {
    #[serde(rename = "APIVersion")]
    pub api_version: String,
    pub arch: String,
    pub build_time: String,
    pub build_origin: String,
    pub experimental: String,
    pub git_commit: String,
    pub go_version: String,
    #[serde(rename = "MinAPIVersion")]
    pub min_api_version: String,
    pub os: String,
}

impl From<Version> for ServiceVersion {
    fn from(version: Version) -> Self {
        let Version {
            api_version,
            version,
            go_version,
            git_commit,
            built_time,
            build_origin,
            os_arch,
            os,
            built: _,
        } = version;
        let arch = os_arch.split_once('/').map_or(os_arch.as_str(), |(_, arch)| arch).to_owned();
        let details = Details {
            api_version,
            arch: arch.clone(),
            build_time: built_time.clone(),
            build_origin,
            experimental: "false".into(),
            git_commit: git_commit.clone(),
            go_version: go_version.clone(),
            min_api_version: "4.0.0".into(),
            os: os.clone(),
        };
        Self {
            platform: Platform { name: format!("{os_arch}/cove") },
            components: vec![Component { name: "Podman Engine".into(), version: version.clone(), details }],
            version,
            api_version: DOCKER_API_VERSION.into(),
            min_api_version: DOCKER_MIN_API_VERSION.into(),
            git_commit,
            go_version,
            os,
            arch,
            build_time: built_time,
        }
    }
}

impl From<ServiceVersion> for Version {
    fn from(mut service: ServiceVersion) -> Self {
        let details = match service.components.is_empty() {
            true => Details::default(),
            false => service.components.swap_remove(0).details,
        };
        let either = |first: String, second: String| if first.is_empty() { second } else { first };
        let built_time = either(details.build_time, service.build_time);
        let os = either(details.os, service.os);
        Self {
            api_version: details.api_version,
            version: service.version,
            go_version: either(details.go_version, service.go_version),
            git_commit: either(details.git_commit, service.git_commit),
            built: built_time.parse().map(crate::Timestamp::as_second).unwrap_or_default(),
            built_time,
            build_origin: details.build_origin,
            os_arch: format!("{os}/{}", either(details.arch, service.arch)),
            os,
        }
    }
}

/// The answer of events: one a line.
struct EventLines(ValueStream<Event>);

/// One of these lines: the event, with two of its facts again as Docker's API before 1.22 had them.
#[derive(Debug, Serialize, JsonSchema)]
struct EventLine {
    #[serde(flatten)]
    event: Event,
    /// The action.
    status: String,
    /// The object's id.
    id: String,
}

impl Answer for EventLines {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        let for_podman_4 = asked.by_podman_4();
        let line = move |mut event: Event| {
            if for_podman_4 {
                // Its clients crash on an event without an exit code, whatever it is about.
                let code = event.actor.attributes.entry("containerExitCode".to_owned());
                code.or_insert_with(|| "0".to_owned());
            }
            let (status, id) = (event.action.clone(), event.actor.id.clone());
            EventLine { event, status, id }
        };
        Ok(lines(asked, self.0.map(move |event| event.map(line))))
    }
    fn describe(schemas: &mut SchemaGenerator) -> Described {
        Described { content: Some(("application/json", schemas.subschema_for::<EventLine>())) }
    }
}

impl Received for EventLines {
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        Ok(Self(read_json_lines(response)))
    }
}

/// The answer of state: one change a line.
struct StateLines(ValueStream<StateLine>);

impl Answer for StateLines {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        started(asked.status, JSON, json_lines(self.0)).await
    }
    fn describe(schemas: &mut SchemaGenerator) -> Described {
        Described { content: Some((JSON, schemas.subschema_for::<StateLine>())) }
    }
}

impl Received for StateLines {
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        Ok(Self(read_long_json_lines(response)))
    }
}

/// What no service does, because it would end itself with it.
fn only_on_the_host(command: &str) -> Error {
    Error::unsupported(format!(
        "cannot use command \"system {command}\" with the remote client: run it on the engine's host"
    ))
}

#[async_trait]
impl<T: Transport + 'static> System for Remote<T> {
    async fn ping(&self) -> Result<Ping> {
        self.call(PING, (), Nothing {}, ()).await
    }
    async fn version(&self) -> Result<Version> {
        self.call(VERSION, (), Nothing {}, ()).await.map(|Json(version)| version.into())
    }
    async fn info(&self) -> Result<Info> {
        self.call(INFO, (), Nothing {}, ()).await.map(|Json(info)| info)
    }
    async fn disk_usage(&self) -> Result<DiskUsage> {
        self.call(DISK_USAGE, (), Nothing {}, ()).await.map(|Json(usage)| usage)
    }
    async fn prune(&self, options: SystemPruneOptions) -> Result<SystemPruneReport> {
        self.call(PRUNE, (), options, ()).await.map(|Json(report)| report)
    }
    async fn check(&self, options: SystemCheckOptions) -> Result<SystemCheckReport> {
        self.call(CHECK, (), options, ()).await.map(|Json(report)| report)
    }
    async fn reset(&self) -> Result<()> {
        Err(only_on_the_host("reset"))
    }
    async fn migrate(&self, _: Option<String>) -> Result<Vec<String>> {
        Err(only_on_the_host("migrate"))
    }
    async fn renumber(&self) -> Result<()> {
        Err(only_on_the_host("renumber"))
    }
    async fn follow(&self, options: FollowOptions) -> Result<ValueStream<StateLine>> {
        self.call(STATE, (), options, ()).await.map(|lines| lines.0)
    }
    async fn events(&self, options: EventOptions) -> Result<ValueStream<Event>> {
        self.call(EVENTS, (), options, ()).await.map(|lines| lines.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_comes_from_the_first_component() {
        let text = r#"{"Version": "1.2.3", "Os": "linux", "Arch": "amd64",
            "Components": [{"Details": {"APIVersion": "5.0.0", "GitCommit": "abc"}}]}"#;
        let version = Version::from(serde_json::from_str::<ServiceVersion>(text).unwrap());
        assert_eq!((version.version.as_str(), version.api_version.as_str()), ("1.2.3", "5.0.0"));
        assert_eq!((version.os_arch.as_str(), version.git_commit.as_str()), ("linux/amd64", "abc"));
    }

    #[test]
    fn version_passes_through_the_service() {
        let version = Version {
            api_version: "5.0.0".into(),
            version: "0.1.0".into(),
            go_version: "rustc 1".into(),
            git_commit: "abc".into(),
            built_time: "2026-01-02T03:04:05Z".into(),
            built: 1_767_323_045,
            build_origin: "here".into(),
            os_arch: "linux/amd64".into(),
            os: "linux".into(),
        };
        assert_eq!(Version::from(ServiceVersion::from(version.clone())), version);
    }
}
