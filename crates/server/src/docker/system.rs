//! `/_ping`, `/version`, `/info`, `/events`, `/plugins`.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use cove_api::endpoint::ServiceVersion;
use cove_api::{ContainerState, Event, EventOptions, ListOptions, StringMap};
use futures_util::StreamExt as _;
use serde::Serialize;
use serde_json::{Value, json};

use super::inspect::docker_log_driver;
use super::parameters::Query;
use crate::error::Answer;
use crate::router::EngineState;
use crate::stream;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/_ping", get(ping).head(ping))
        .route("/version", get(version))
        .route("/info", get(info))
        .route("/events", get(events))
        .route("/plugins", get(plugins))
}

async fn ping(State(engine): State<EngineState>) -> Answer<&'static str> {
    engine.system().ping().await?;
    Ok("OK")
}

/// There are no plug-ins of Docker's kind, so none is installed.
async fn plugins() -> Json<[(); 0]> {
    Json([])
}

async fn version(State(engine): State<EngineState>) -> Answer<Json<ServiceVersion>> {
    Ok(Json(engine.system().version().await?.into()))
}

async fn info(State(engine): State<EngineState>) -> Answer<Json<Value>> {
    let info = engine.system().info().await?;
    let states: Vec<ContainerState> = engine
        .containers()
        .list(ListOptions { all: true, ..ListOptions::default() })
        .await?
        .into_iter()
        .map(|row| row.state)
        .collect();
    let count = |state| states.iter().filter(|found| **found == state).count();
    let host = |key: &str| info.host.get(key).cloned().unwrap_or_default();
    let mut log_driver = host("logDriver").as_str().unwrap_or_default().to_owned();
    docker_log_driver(&mut log_driver);
    let store = |key: &str| info.store.get(key).cloned().unwrap_or_default();
    let driver_status: Vec<Value> = match store("graphStatus") {
        Value::Object(map) => map.into_iter().map(|(key, value)| json!([key, value])).collect(),
        _ => Vec::new(),
    };
    let mut security = Vec::new();
    if host("security")["seccompEnabled"] == true {
        security.push("name=seccomp,profile=default");
    }
    if host("security")["rootless"] == true {
        security.push("name=rootless");
    }
    Ok(Json(json!({
        "ID": host("hostname"),
        "Containers": states.len(),
        "ContainersRunning": count(ContainerState::Running),
        "ContainersPaused": count(ContainerState::Paused),
        "ContainersStopped": states.len() - count(ContainerState::Running) - count(ContainerState::Paused),
        "Images": store("imageStore")["number"],
        "Driver": store("graphDriverName"),
        "DriverStatus": driver_status,
        "DockerRootDir": store("graphRoot"),
        "Plugins": {
            "Volume": info.plugins.get("volume"),
            "Network": info.plugins.get("network"),
            "Log": info.plugins.get("log"),
            "Authorization": null,
        },
        "CgroupDriver": host("cgroupManager"),
        "CgroupVersion": host("cgroupVersion").as_str().unwrap_or_default().trim_start_matches('v'),
        "KernelVersion": host("kernel"),
        "OperatingSystem": host("distribution")["distribution"],
        "OSVersion": host("distribution")["version"],
        "OSType": "linux",
        "Architecture": host("arch"),
        "NCPU": host("cpus"),
        "MemTotal": host("memTotal"),
        "Name": host("hostname"),
        "ServerVersion": info.version.version,
        "LoggingDriver": log_driver,
        "DefaultRuntime": host("ociRuntime")["name"],
        "Runtimes": {},
        "SecurityOptions": security,
        "SystemTime": cove_api::Timestamp::now(),
        "IndexServerAddress": "https://index.docker.io/v1/",
        "RegistryConfig": {"InsecureRegistryCIDRs": [], "IndexConfigs": {}, "Mirrors": []},
        "Swarm": {"LocalNodeState": "inactive", "NodeID": "", "NodeAddr": "", "ControlAvailable": false, "RemoteManagers": null},
        "Warnings": [],
    })))
}

async fn events(State(engine): State<EngineState>, Query(mut options): Query<EventOptions>) -> Answer {
    for word in options.filters.get_mut("event").into_iter().flatten() {
        libpod_word(word);
    }
    // Docker wants all of the labels, where libpod takes any of a filter's values.
    let labels = options.filters.get("label").cloned().unwrap_or_default();
    let events = engine.system().events(options).await?;
    let wanted = events.filter(move |event| {
        let is_wanted = event.as_ref().is_ok_and(|event| labels.iter().all(|label| has_label(event, label)));
        std::future::ready(is_wanted || event.is_err())
    });
    Ok(stream::json_lines(wanted.map(|event| event.map(DockerEvent::from))))
}

/// Whether an event tells of something with a label, `NAME` or `NAME=VALUE`.
fn has_label(event: &Event, label: &str) -> bool {
    let attributes = &event.actor.attributes;
    match label.split_once('=') {
        Some((name, value)) => attributes.get(name).is_some_and(|found| found == value),
        None => attributes.contains_key(label),
    }
}

/// Docker's word for what libpod calls otherwise.
fn docker_word<'a>(kind: &str, action: &'a str) -> &'a str {
    match (kind, action) {
        ("image", "remove") => "delete",
        (_, "died") => "die",
        (_, "remove") => "destroy",
        (_, "loadfromarchive") => "load",
        (_, other) => other,
    }
}

fn libpod_word(word: &mut String) {
    match word.as_str() {
        "die" => "died".clone_into(word),
        "destroy" | "delete" => "remove".clone_into(word),
        "load" => "loadfromarchive".clone_into(word),
        _ => {}
    }
}

/// An event as Docker tells it.
#[derive(Serialize)]
struct DockerEvent {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "Action")]
    action: String,
    #[serde(rename = "Actor")]
    actor: Actor,
    scope: &'static str,
    time: i64,
    #[serde(rename = "timeNano")]
    time_nano: i64,
    /// The form before API 1.22, of containers alone, which clients still read.
    #[serde(flatten)]
    old: Option<OldEvent>,
}

#[derive(Serialize)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Attributes")]
    attributes: StringMap,
}

#[derive(Serialize)]
struct OldEvent {
    status: String,
    id: String,
    from: Option<String>,
}

impl From<Event> for DockerEvent {
    fn from(event: Event) -> Self {
        let mut action = docker_word(&event.kind, &event.action).to_owned();
        let mut attributes = event.actor.attributes;
        if action == "health_status"
            && let Some(status) = attributes.get("health_status")
        {
            action = format!("health_status: {status}");
        }
        if let Some(code) = attributes.remove("containerExitCode") {
            attributes.insert("exitCode".to_owned(), code);
        }
        let old = (event.kind == "container").then(|| OldEvent {
            status: action.clone(),
            id: event.actor.id.clone(),
            from: attributes.get("image").cloned(),
        });
        Self {
            kind: event.kind,
            action,
            actor: Actor { id: event.actor.id, attributes },
            scope: "local",
            time: event.time,
            time_nano: event.time_nano,
            old,
        }
    }
}
