//! `/libpod/containers`.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{delete, get, post};
use axum::{Extension, Json, Router};
use cove_api::{
    AttachOptions, ContainerRemoveReport, ContainerSpec, ContainerSummary, ListOptions, LogOptions,
    RemoveOptions, StopOptions, TerminalSize, TopReport, WaitOptions,
};

use crate::body::LibpodBody;
use crate::error::{Answer, ApiError};
use crate::params::Params;
use crate::router::{AskedVersion, EngineState};
use crate::stream;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/containers/create", post(create))
        .route("/containers/json", get(list))
        .route("/containers/{name}", delete(remove))
        .route("/containers/{name}/json", get(inspect))
        .route("/containers/{name}/exists", get(exists))
        .route("/containers/{name}/start", post(start))
        .route("/containers/{name}/stop", post(stop))
        .route("/containers/{name}/restart", post(restart))
        .route("/containers/{name}/kill", post(kill))
        .route("/containers/{name}/pause", post(pause))
        .route("/containers/{name}/unpause", post(unpause))
        .route("/containers/{name}/rename", post(rename))
        .route("/containers/{name}/wait", post(wait))
        .route("/containers/{name}/logs", get(logs))
        .route("/containers/{name}/attach", post(attach))
        .route("/containers/{name}/resize", post(resize))
        .route("/containers/{name}/top", get(top))
}

async fn create(State(engine): State<EngineState>, LibpodBody(spec): LibpodBody<ContainerSpec>) -> Answer {
    let mut spec = spec;
    spec.other.retain(|name, value| !(name == "idmappings" && is_host_mapping(value)));
    let report = engine.containers().create(spec).await?;
    Ok((StatusCode::CREATED, Json(report)).into_response())
}

/// Podman's clients spell "no mapping of ids" out.
fn is_host_mapping(mapping: &serde_json::Value) -> bool {
    let maps =
        ["UIDMap", "GIDMap"].iter().any(|key| mapping[*key].as_array().is_some_and(|map| !map.is_empty()));
    !maps
        && mapping["HostUIDMapping"] == true
        && mapping["HostGIDMapping"] == true
        && mapping["AutoUserNs"] != true
}

async fn list(State(engine): State<EngineState>, params: Params) -> Answer<Json<Vec<ContainerSummary>>> {
    let last = match params.number::<i64>("limit")? {
        None => params.number("last")?,
        limit => limit,
    };
    // Podman's clients send -1 for "all".
    let last = last.filter(|last| *last > 0).and_then(|last| usize::try_from(last).ok());
    let options = ListOptions {
        all: params.switch("all", false)?,
        last,
        size: params.switch("size", false)?,
        namespaces: params.switch("namespace", false)?,
        sync: params.switch("sync", false)?,
        external: params.switch("external", false)?,
        filters: params.filters()?,
    };
    Ok(Json(engine.containers().list(options).await?))
}

async fn inspect(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Extension(AskedVersion(version)): Extension<AskedVersion>,
    params: Params,
) -> Answer {
    let container = engine.containers().inspect(&name, params.switch("size", false)?).await?;
    if !version.is_some_and(|version| version.starts_with("4.")) {
        return Ok(Json(container).into_response());
    }
    // Version 4 of the API had other forms of two fields.
    let mut value = serde_json::to_value(&container)
        .map_err(|error| cove_api::Error::from_chain(cove_api::ErrorKind::Internal, &error))?;
    value["Config"]["Entrypoint"] = container.config.entrypoint.join(" ").into();
    value["Config"]["StopSignal"] =
        cove_spec::signal::parse(&container.config.stop_signal).unwrap_or(15).into();
    Ok(Json(value).into_response())
}

async fn exists(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<StatusCode> {
    exists_status(engine.containers().exists(&name).await?, "container", &name)
}

/// 204, or 404 with a body that says what is missing.
pub(super) fn exists_status(exists: bool, kind: &str, name: &str) -> Answer<StatusCode> {
    if exists {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(cove_api::Error::not_found(format!("no {kind} with name or ID {name:?} found")).into())
    }
}

async fn start(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<StatusCode> {
    engine.containers().start(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn stop_options(params: &Params) -> Answer<StopOptions> {
    // libpod says `timeout`, its older clients and Docker say `t`.
    let timeout = match params.number("timeout")? {
        None => params.number("t")?,
        timeout => timeout,
    };
    Ok(StopOptions { timeout })
}

async fn stop(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    match engine.containers().stop(&name, stop_options(&params)?).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) if error.kind == cove_api::ErrorKind::NotFound && params.switch("ignore", false)? => {
            Ok(StatusCode::NO_CONTENT)
        }
        Err(error) => Err(error.into()),
    }
}

async fn restart(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    engine.containers().restart(&name, stop_options(&params)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn kill(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    engine.containers().kill(&name, parse_signal(&params)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `signal`: a name or a number; SIGKILL where it is missing.
pub(crate) fn parse_signal(params: &Params) -> Answer<i32> {
    match params.text("signal") {
        None => Ok(9),
        Some(text) => cove_spec::signal::parse(&text).map_err(|error| ApiError(error.into())),
    }
}

async fn pause(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<StatusCode> {
    engine.containers().pause(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn unpause(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<StatusCode> {
    engine.containers().unpause(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn rename(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    let new_name =
        params.text("name").ok_or_else(|| ApiError::invalid("parameter name: the new name is missing"))?;
    engine.containers().rename(&name, &new_name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<Json<Vec<ContainerRemoveReport>>> {
    let options = RemoveOptions {
        force: params.switch("force", false)?,
        volumes: params.switch("v", false)? || params.switch("volumes", false)?,
        timeout: params.number("timeout")?,
        depend: params.switch("depend", false)?,
    };
    match engine.containers().remove(&name, options).await {
        Ok(report) => Ok(Json(report)),
        Err(error) if error.kind == cove_api::ErrorKind::NotFound && params.switch("ignore", false)? => {
            Ok(Json(vec![]))
        }
        Err(error) => Err(error.into()),
    }
}

async fn wait(State(engine): State<EngineState>, Path(name): Path<String>, params: Params) -> Answer<String> {
    let options = WaitOptions { conditions: params.list("condition", true) };
    Ok(engine.containers().wait(&name, options).await?.to_string())
}

async fn logs(State(engine): State<EngineState>, Path(name): Path<String>, params: Params) -> Answer {
    let options = log_options(&params)?;
    let lines = engine.containers().logs(&name, options).await?;
    Ok(stream::logs(lines, params.switch("timestamps", false)?, true))
}

/// The log parameters, which both flavours share.
pub(crate) fn log_options(params: &Params) -> Answer<LogOptions> {
    let tail = match params.get("tail") {
        Some("all") => None,
        _ => params.number::<i64>("tail")?.and_then(|tail| u64::try_from(tail).ok()),
    };
    let options = LogOptions {
        follow: params.switch("follow", false)?,
        tail,
        since: params.time("since")?,
        until: params.time("until")?,
        stdout: params.switch("stdout", false)?,
        stderr: params.switch("stderr", false)?,
    };
    if !options.stdout && !options.stderr {
        return Err(ApiError::invalid("at least one of stdout and stderr must be asked for"));
    }
    Ok(options)
}

async fn attach(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
    mut request: Request,
) -> Answer {
    let options = attach_options(&params)?;
    let terminal = engine.containers().inspect(&name, false).await?.config.tty;
    let attached = engine.containers().attach(&name, options).await?;
    Ok(stream::attach(&mut request, attached, terminal))
}

/// The attach parameters, which both flavours share.
pub(crate) fn attach_options(params: &Params) -> Answer<AttachOptions> {
    let options = AttachOptions {
        stdin: params.switch("stdin", true)?,
        stdout: params.switch("stdout", true)?,
        stderr: params.switch("stderr", true)?,
        logs: params.switch("logs", false)?,
        detach_keys: params.get("detachKeys").map(str::to_owned),
    };
    if !params.switch("stream", true)? && !options.logs {
        return Err(ApiError::invalid("at least one of stream and logs must be asked for"));
    }
    Ok(options)
}

async fn resize(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    engine.containers().resize(&name, terminal_size(&params)?).await?;
    Ok(StatusCode::OK)
}

/// `h` and `w`.
pub(crate) fn terminal_size(params: &Params) -> Answer<TerminalSize> {
    Ok(TerminalSize {
        width: params.number("w")?.unwrap_or_default(),
        height: params.number("h")?.unwrap_or_default(),
    })
}

async fn top(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<Json<TopReport>> {
    if params.switch("stream", false)? {
        return Err(
            cove_api::Error::unsupported("top with stream=true is not supported by this version").into()
        );
    }
    Ok(Json(engine.containers().top(&name, params.list("ps_args", true)).await?))
}
