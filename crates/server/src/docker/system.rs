//! `/_ping`, `/version`, `/info`, `/events`, `/auth`.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use cove_api::endpoint::ServiceVersion;
use cove_api::{ContainerState, Event, ListOptions};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::shared::event_options;
use crate::error::Answer;
use crate::params::Params;
use crate::router::EngineState;
use crate::stream;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/_ping", get(ping).head(ping))
        .route("/version", get(version))
        .route("/info", get(info))
        .route("/events", get(events))
}

async fn ping(State(engine): State<EngineState>) -> Answer<&'static str> {
    engine.system().ping().await?;
    Ok("OK")
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
        "LoggingDriver": host("logDriver"),
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

async fn events(State(engine): State<EngineState>, params: Params) -> Answer {
    let mut options = event_options(&params)?;
    if let Some(words) = options.filters.get_mut("event") {
        for word in words {
            libpod_word(word);
        }
    }
    // Docker's stream goes on unless an end is given.
    options.stream = true;
    let events = engine.system().events(options).await?;
    Ok(stream::json_lines(events.filter_map(|event| async move { event.ok().map(docker_event) })))
}

/// Docker's word for what libpod calls otherwise.
fn docker_word(action: &str) -> &str {
    match action {
        "died" => "die",
        "remove" => "destroy",
        "loadfromarchive" => "load",
        other => other,
    }
}

fn libpod_word(word: &mut String) {
    match word.as_str() {
        "die" => "died".clone_into(word),
        "destroy" => "remove".clone_into(word),
        _ => {}
    }
}

fn docker_event(event: Event) -> Value {
    let action = match (event.kind.as_str(), event.action.as_str()) {
        ("image", "remove") => "delete",
        (_, action) => docker_word(action),
    }
    .to_owned();
    let mut attributes = event.actor.attributes;
    if let Some(code) = attributes.remove("containerExitCode") {
        attributes.insert("exitCode".to_owned(), code);
    }
    let mut value = json!({
        "Type": event.kind,
        "Action": action,
        "Actor": {"ID": event.actor.id, "Attributes": attributes},
        "scope": "local",
        "time": event.time,
        "timeNano": event.time_nano,
    });
    if event.kind == "container" {
        // The form before API 1.22, which clients still read.
        value["status"] = action.into();
        value["id"] = value["Actor"]["ID"].clone();
        value["from"] = value["Actor"]["Attributes"]["image"].clone();
    }
    value
}
