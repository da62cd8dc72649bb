//! `/libpod/_ping`, `/libpod/version`, `/libpod/info`, `/libpod/events`.

use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Json, Router};
use cove_api::{EventOptions, Info, Version};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::error::Answer;
use crate::params::Params;
use crate::router::{AskedVersion, EngineState};
use crate::{DOCKER_API_VERSION, DOCKER_MIN_API_VERSION, stream};

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/_ping", get(ping).head(ping))
        .route("/version", get(version))
        .route("/info", get(info))
        .route("/events", get(events))
}

/// Also Docker's route.
pub(crate) async fn ping(State(engine): State<EngineState>) -> Answer<&'static str> {
    engine.system().ping().await?;
    Ok("OK")
}

/// Also Docker's route.
pub(crate) async fn version(State(engine): State<EngineState>) -> Answer<Json<Value>> {
    let Version {
        api_version, version, go_version, git_commit, built_time, build_origin, os_arch, os, ..
    } = engine.system().version().await?;
    let arch = os_arch.split_once('/').map_or(os_arch.as_str(), |(_, arch)| arch).to_owned();
    Ok(Json(json!({
        "Platform": {"Name": format!("{os_arch}/cove")},
        "Components": [{
            "Name": "Podman Engine",
            "Version": version,
            "Details": {
                "APIVersion": api_version,
                "Arch": arch,
                "BuildTime": built_time,
                "BuildOrigin": build_origin,
                "Experimental": "false",
                "GitCommit": git_commit,
                "GoVersion": go_version,
                "MinAPIVersion": "4.0.0",
                "Os": os,
            },
        }],
        "Version": version,
        "ApiVersion": DOCKER_API_VERSION,
        "MinAPIVersion": DOCKER_MIN_API_VERSION,
        "GitCommit": git_commit,
        "GoVersion": go_version,
        "Os": os,
        "Arch": arch,
        "BuildTime": built_time,
    })))
}

async fn info(State(engine): State<EngineState>) -> Answer<Json<Info>> {
    Ok(Json(engine.system().info().await?))
}

async fn events(
    State(engine): State<EngineState>,
    Extension(AskedVersion(version)): Extension<AskedVersion>,
    params: Params,
) -> Answer {
    let events = engine.system().events(event_options(&params)?).await?;
    let for_podman_4 = version.is_some_and(|version| version.starts_with("4."));
    let lines = events.filter_map(move |event| async move {
        let mut event = event.ok()?;
        if for_podman_4 {
            // Its clients crash on an event without an exit code, whatever it is about.
            event.actor.attributes.entry("containerExitCode".to_owned()).or_insert_with(|| "0".to_owned());
        }
        let mut value = serde_json::to_value(&event).ok()?;
        value["status"] = event.action.into();
        value["id"] = event.actor.id.into();
        Some(value)
    });
    Ok(stream::json_lines(lines))
}

/// The event parameters, which both flavours share.
pub(crate) fn event_options(params: &Params) -> Answer<EventOptions> {
    Ok(EventOptions {
        since: params.time("since")?,
        until: params.time("until")?,
        filters: params.filters()?,
        stream: params.switch("stream", true)?,
    })
}
