//! `/containers`.

use std::pin::Pin;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::{delete, get, post};
use axum::{Json, Router, body::Body};
use bytes::Bytes;
use cove_api::{
    AttachOptions, ContainerInspect, ContainerState, ContainerSummary, Error, ErrorKind, Event, EventOptions,
    Filters, ListOptions, PortMapping, RemoveOptions, StopOptions, ValueStream, WaitOptions,
};
use cove_spec::age::human_duration;
use futures_util::StreamExt as _;
use serde_json::{Map, Value, json};

use super::create::container_spec;
use super::create_body::CreateBody;
use super::inspect::docker_inspect;
use super::networks::docker_name;
use super::shared::{attach_options, log_options, parse_signal, terminal_size};
use crate::body::JsonBody;
use crate::error::{Answer, ApiError};
use crate::params::Params;
use crate::router::EngineState;
use crate::stream;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/containers/create", post(create))
        .route("/containers/json", get(list))
        .route("/containers/{name}", delete(remove))
        .route("/containers/{name}/json", get(inspect))
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

async fn create(
    State(engine): State<EngineState>,
    params: Params,
    JsonBody(body): JsonBody<CreateBody>,
) -> Answer {
    let mut spec = container_spec(body)?;
    spec.name = params.text("name").unwrap_or_default().trim_start_matches('/').to_owned();
    if let Some(platform) = params.text("platform") {
        let mut parts = platform.split('/').map(str::to_owned);
        spec.image_os = parts.next().unwrap_or_default();
        spec.image_arch = parts.next().unwrap_or_default();
        spec.image_variant = parts.next().unwrap_or_default();
    }
    let image = spec.image.clone();
    match engine.containers().create(spec).await {
        Ok(report) => Ok((StatusCode::CREATED, Json(report)).into_response()),
        // Docker's command line pulls when it reads exactly this.
        Err(error)
            if error.kind == ErrorKind::NotFound && !engine.images().exists(&image).await.unwrap_or(true) =>
        {
            Err(Error::not_found(format!("No such image: {image}")).into())
        }
        Err(error) => Err(error.into()),
    }
}

async fn list(State(engine): State<EngineState>, params: Params) -> Answer<Json<Vec<Value>>> {
    let with_size = params.switch("size", false)?;
    let last = params
        .number::<i64>("limit")?
        .and_then(|limit| usize::try_from(limit).ok())
        .filter(|limit| *limit > 0);
    let mut filters = params.filters()?;
    // Docker knows networks by `network`, states by the same words but `dead`, which does not occur.
    filters.remove("is-task");
    let options = ListOptions {
        all: params.switch("all", false)?,
        last,
        size: with_size,
        filters,
        ..ListOptions::default()
    };
    let mut rows = engine.containers().list(options).await?;
    // The trait lists the oldest first, Docker the newest.
    rows.reverse();
    Ok(Json(rows.iter().map(|row| summary(row, with_size)).collect::<Answer<_>>()?))
}

fn summary(row: &ContainerSummary, with_size: bool) -> Answer<Value> {
    let ports: Vec<Value> = PortMapping::expand_all(&row.ports)?
        .into_iter()
        .map(|published| {
            let mut port = json!({"PrivatePort": published.container_port, "Type": published.protocol});
            if published.host_port > 0 {
                port["PublicPort"] = published.host_port.into();
                port["IP"] = published.host().ip().to_string().into();
            }
            port
        })
        .collect();
    let networks: Map<String, Value> =
        row.networks.iter().map(|name| (docker_name(name), json!({"NetworkID": name}))).collect();
    let mut value = json!({
        "Id": row.id,
        "Names": row.names.iter().map(|name| format!("/{name}")).collect::<Vec<_>>(),
        "Image": row.image,
        "ImageID": format!("sha256:{}", row.image_id),
        "Command": row.command.join(" "),
        "Created": row.created.as_second(),
        "Ports": ports,
        "Labels": row.labels,
        "State": docker_state(row.state),
        "Status": status(row),
        "HostConfig": {"NetworkMode": row.networks.first().map_or("default", String::as_str)},
        "NetworkSettings": {"Networks": networks},
        "Mounts": row.mounts.iter().map(|path| json!({"Destination": path})).collect::<Vec<_>>(),
    });
    if let (true, Some(size)) = (with_size, row.size) {
        value["SizeRw"] = size.rw.into();
        value["SizeRootFs"] = size.root_fs.into();
    }
    Ok(value)
}

/// The state in Docker's words.
pub(super) fn docker_state(state: ContainerState) -> &'static str {
    match state {
        ContainerState::Initialized => "created",
        ContainerState::Stopping => "running",
        ContainerState::Stopped => "exited",
        other => other.as_str(),
    }
}

/// `Up 3 minutes`, `Exited (0) 2 hours ago`, `Created`.
fn status(row: &ContainerSummary) -> String {
    let now = cove_api::Timestamp::now().as_second();
    let since = |then: i64| human_duration(now.saturating_sub(then));
    match row.state {
        ContainerState::Running | ContainerState::Stopping => format!("Up {}", since(row.started_at)),
        ContainerState::Paused => format!("Up {} (Paused)", since(row.started_at)),
        ContainerState::Exited | ContainerState::Stopped => {
            format!("Exited ({}) {} ago", row.exit_code, since(row.exited_at))
        }
        ContainerState::Created | ContainerState::Initialized => "Created".to_owned(),
        ContainerState::Removing => "Removal In Progress".to_owned(),
        ContainerState::Storage | ContainerState::Unknown => "Unknown".to_owned(),
    }
}

async fn inspect(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<Json<Value>> {
    let size = params.switch("size", false)?;
    match engine.containers().inspect(&name, size).await {
        Ok(container) => Ok(Json(docker_inspect(&container)?)),
        Err(error) if error.kind == ErrorKind::NotFound => {
            // Docker's command line looks for exactly these words.
            Err(Error::not_found(format!("No such container: {name}")).into())
        }
        Err(error) => Err(error.into()),
    }
}

async fn start(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<StatusCode> {
    let container = engine.containers().inspect(&name, false).await?;
    if container.state.running {
        return Ok(StatusCode::NOT_MODIFIED);
    }
    match engine.containers().start(&name).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(failed_start(&engine, &container, error).await.into()),
    }
}

/// What Docker does where a container cannot be started: one that was to be removed at its end goes at once, which the
/// command line waits for.
async fn failed_start(engine: &EngineState, container: &ContainerInspect, error: Error) -> Error {
    if container.host_config.auto_remove
        && matches!(container.state.status, ContainerState::Created | ContainerState::Initialized)
    {
        let options =
            RemoveOptions { force: true, volumes: true, timeout: Some(0), ..RemoveOptions::default() };
        if let Err(second) = engine.containers().remove(&container.id, options).await {
            tracing::warn!(%second, "removing container {} after a failed start", container.id);
        }
    }
    start_error(error)
}

/// Docker's command line takes the exit code 126 or 127 from the words of the error.
pub(super) fn start_error(error: Error) -> Error {
    match error.kind {
        ErrorKind::CommandNotFound if !error.message.contains("executable file not found") => {
            Error::invalid(format!("{}: executable file not found in $PATH", error.message))
        }
        ErrorKind::CommandNotFound => error.with_kind(ErrorKind::InvalidArgument),
        ErrorKind::CommandNotExecutable => {
            let message = if error.message.contains("permission denied") {
                error.message
            } else {
                format!("{}: permission denied", error.message)
            };
            Error::invalid(message)
        }
        _ => error,
    }
}

async fn stop(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    if !engine.containers().inspect(&name, false).await?.state.running {
        return Ok(StatusCode::NOT_MODIFIED);
    }
    engine
        .containers()
        .stop(&name, StopOptions { timeout: timeout(&params)?, ..StopOptions::default() })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Docker's `t`: seconds; a negative one waits for ever, which is a very long time here.
fn timeout(params: &Params) -> Answer<Option<u32>> {
    Ok(params.number::<i64>("t")?.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX)))
}

async fn restart(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    engine
        .containers()
        .restart(&name, StopOptions { timeout: timeout(&params)?, ..StopOptions::default() })
        .await?;
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
    engine.containers().rename(&name, new_name.trim_start_matches('/')).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    if params.switch("link", false)? {
        return Err(ApiError::invalid("links are not supported: use a network"));
    }
    let options = RemoveOptions {
        force: params.switch("force", false)?,
        volumes: params.switch("v", false)?,
        timeout: Some(0),
        ..RemoveOptions::default()
    };
    let reports = engine.containers().remove(&name, options).await?;
    match reports.into_iter().find_map(|report| report.error) {
        None => Ok(StatusCode::NO_CONTENT),
        Some(message) => Err(Error::internal(message).into()),
    }
}

/// Docker's `run` asks to wait before it starts the container, and goes on when the head of the answer is there; so
/// the head goes at once and the body follows.
async fn wait(State(engine): State<EngineState>, Path(name): Path<String>, params: Params) -> Answer {
    let id = engine.containers().inspect(&name, false).await?.id;
    let future: Pin<Box<dyn Future<Output = cove_api::Result<i32>> + Send>> = match params
        .get("condition")
        .unwrap_or_default()
    {
        "" | "not-running" => {
            Box::pin(async move { engine.containers().wait(&id, WaitOptions::default()).await })
        }
        // The events are subscribed to before the head goes, so that a quick end is not missed.
        "next-exit" => Box::pin(exit_of(lives(&engine, id).await?, "died")),
        "removed" => Box::pin(exit_of(lives(&engine, id).await?, "remove")),
        other => return Err(ApiError::invalid(format!("parameter condition: {other:?} is no condition"))),
    };
    let body = futures_util::stream::once(async move {
        let body = match future.await {
            Ok(code) => json!({"StatusCode": code}),
            Err(error) => json!({"StatusCode": -1, "Error": {"Message": error.message}}),
        };
        Ok::<_, Error>(Bytes::from(body.to_string()))
    });
    Ok(([(header::CONTENT_TYPE, "application/json")], Body::from_stream(body)).into_response())
}

/// The events of one container from now on.
async fn lives(engine: &EngineState, id: String) -> cove_api::Result<ValueStream<Event>> {
    let filters = Filters::from([
        ("container".to_owned(), vec![id]),
        ("type".to_owned(), vec!["container".to_owned()]),
    ]);
    engine.system().events(EventOptions { stream: true, filters, ..EventOptions::default() }).await
}

/// Follows a container to the event `last` and answers the exit code it had then.
async fn exit_of(mut events: ValueStream<Event>, last: &'static str) -> cove_api::Result<i32> {
    let mut code = 0;
    while let Some(event) = events.next().await {
        let event = event?;
        if let Ok(number) = event.attribute("containerExitCode").parse() {
            code = number;
        }
        if event.action == last {
            return Ok(code);
        }
    }
    Err(Error::internal("the events ended before the container did"))
}

async fn logs(State(engine): State<EngineState>, Path(name): Path<String>, params: Params) -> Answer {
    let options = log_options(&params)?;
    let terminal = engine.containers().inspect(&name, false).await?.config.tty;
    let lines = engine.containers().logs(&name, options).await?;
    Ok(stream::logs(lines, params.switch("timestamps", false)?, !terminal))
}

async fn attach(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
    mut request: Request,
) -> Answer {
    let options = attach_options(&params)?;
    // Docker's switches are off where they are missing.
    let options = AttachOptions {
        stdin: params.switch("stdin", false)?,
        stdout: params.switch("stdout", false)?,
        stderr: params.switch("stderr", false)?,
        detach_keys: Some(options.detach_keys.unwrap_or_else(|| "ctrl-p,ctrl-q".to_owned())),
        ..options
    };
    let container = engine.containers().inspect(&name, false).await?;
    match engine.containers().attach(&name, options).await {
        Ok(attached) => Ok(stream::attach(&mut request, attached, container.config.tty)),
        Err(error) if error.kind == ErrorKind::InvalidArgument => Err(error.into()),
        // Attaching prepares the start, and so may fail like it.
        Err(error) => Err(failed_start(&engine, &container, error).await.into()),
    }
}

async fn resize(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    engine.containers().resize(&name, terminal_size(&params)?).await?;
    Ok(StatusCode::OK)
}

async fn top(State(engine): State<EngineState>, Path(name): Path<String>, params: Params) -> Answer {
    // Docker's default is `ps -ef`; its columns are those of the descriptors below.
    let arguments = params.text("ps_args").unwrap_or_default();
    let descriptors = match arguments.as_str() {
        "" | "-ef" => {
            ["user", "pid", "ppid", "pcpu", "stime", "tty", "time", "args"].map(str::to_owned).to_vec()
        }
        other => other.trim_start_matches("-o").trim().split([',', ' ']).map(str::to_owned).collect(),
    };
    Ok(Json(engine.containers().top(&name, descriptors).await?).into_response())
}
