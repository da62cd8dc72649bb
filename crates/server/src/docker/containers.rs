//! `/containers`.

use std::pin::Pin;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::{delete, get, post};
use axum::{Extension, Json, Router, body::Body};
use bytes::Bytes;
use cove_api::endpoint::replay;
use cove_api::{
    AttachStream, ContainerInspect, ContainerState, Error, ErrorKind, Event, EventOptions, Filters,
    ListOptions, LogOptions, RemoveOptions, ValueStream, WaitOptions,
};
use futures_util::StreamExt as _;
use serde::Serialize;

use super::inspect::{DockerContainer, docker_inspect};
use super::parameters::{self, Condition, Query};
use super::summary::{DockerSummary, summary};
use crate::body::JsonBody;
use crate::error::{Answer, ApiError};
use crate::router::{DefaultNetwork, EngineState};
use crate::stream;
use cove_docker::{CreateBody, container_spec};

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
    Query(asked): Query<parameters::Create>,
    JsonBody(body): JsonBody<CreateBody>,
) -> Answer {
    for (field, query, body) in
        [("name", &asked.name, &body.name), ("platform", &asked.platform, &body.platform)]
    {
        if !body.is_empty() && body != query {
            let message =
                format!("request body: field {field}: it is a parameter of the query, which has {query:?}");
            return Err(ApiError::invalid(message));
        }
    }
    let mut spec = container_spec(body)?;
    spec.name = asked.name.trim_start_matches('/').to_owned();
    let mut platform = asked.platform.split('/').map(str::to_owned);
    spec.image_os = platform.next().unwrap_or_default();
    spec.image_arch = platform.next().unwrap_or_default();
    spec.image_variant = platform.next().unwrap_or_default();
    spec.check_for_service()?;
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

async fn list(
    State(engine): State<EngineState>,
    Extension(DefaultNetwork(default)): Extension<DefaultNetwork>,
    Query(asked): Query<parameters::List>,
) -> Answer<Json<Vec<DockerSummary>>> {
    let mut filters = asked.filters;
    filters.remove("is-task");
    let options = ListOptions {
        all: asked.all,
        last: usize::try_from(asked.limit).ok().filter(|limit| *limit > 0),
        size: asked.size,
        details: true,
        filters,
        ..ListOptions::default()
    };
    let mut rows = engine.containers().list(options).await?;
    // The trait lists the oldest first, Docker the newest.
    rows.reverse();
    Ok(Json(rows.iter().map(|row| summary(row, asked.size, &default)).collect::<Answer<_>>()?))
}

async fn inspect(
    State(engine): State<EngineState>,
    Extension(DefaultNetwork(default)): Extension<DefaultNetwork>,
    Path(name): Path<String>,
    Query(asked): Query<parameters::Inspect>,
) -> Answer<Json<DockerContainer>> {
    match engine.containers().inspect(&name, asked.size).await {
        Ok(container) => Ok(Json(docker_inspect(container, &default))),
        Err(error) if error.kind == ErrorKind::NotFound => {
            // Docker's command line looks for exactly these words.
            Err(Error::not_found(format!("No such container: {name}")).into())
        }
        Err(error) => Err(error.into()),
    }
}

async fn start(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(_): Query<parameters::Start>,
) -> Answer<StatusCode> {
    let container = engine.containers().inspect(&name, false).await?;
    if container.state.status == ContainerState::Paused {
        let message = format!("cannot start the paused container {name}: unpause it instead");
        return Err(Error::new(ErrorKind::WrongState, message).into());
    }
    if container.state.status.is_alive() {
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

/// Docker's command line takes the exit code 127 or 126 from these words, wherever they stand.
pub(super) fn start_error(error: Error) -> Error {
    let words = match error.kind {
        ErrorKind::CommandNotFound => "executable file not found in $PATH",
        ErrorKind::CommandNotExecutable => "permission denied",
        _ => return error,
    };
    Error::new(ErrorKind::InvalidArgument, error.message).context(words)
}

async fn stop(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<parameters::Stop>,
) -> Answer<StatusCode> {
    let before = engine.containers().inspect(&name, false).await?;
    thaw(&engine, &name, before.state.status).await?;
    // Also of one that does not run: a start that is under way is waited for and undone, as with Docker. Compose stops
    // what it is still starting.
    engine.containers().stop(&name, asked.options()).await?;
    if before.state.status.is_alive() {
        return Ok(StatusCode::NO_CONTENT);
    }
    let after = engine.containers().inspect(&name, false).await;
    let has_run = after.is_ok_and(|after| after.state.started_at != before.state.started_at);
    Ok(if has_run { StatusCode::NO_CONTENT } else { StatusCode::NOT_MODIFIED })
}

/// Docker stops a paused container like one that runs, which the engine, like Podman, refuses: its process could not
/// heed the signal.
async fn thaw(engine: &EngineState, name: &str, state: ContainerState) -> Answer<()> {
    if state != ContainerState::Paused {
        return Ok(());
    }
    match engine.containers().unpause(name).await {
        // Somebody was faster.
        Err(error) if error.kind != ErrorKind::WrongState => Err(error.into()),
        _ => Ok(()),
    }
}

async fn restart(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<parameters::Stop>,
) -> Answer<StatusCode> {
    let state = engine.containers().inspect(&name, false).await?.state.status;
    thaw(&engine, &name, state).await?;
    engine.containers().restart(&name, asked.options()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn kill(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<parameters::Kill>,
) -> Answer<StatusCode> {
    engine.containers().kill(&name, asked.signal.map_or(9, |signal| signal.0)).await?;
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
    Query(asked): Query<parameters::Rename>,
) -> Answer<StatusCode> {
    if asked.name.is_empty() {
        return Err(ApiError::invalid("parameter name: the new name is missing"));
    }
    engine.containers().rename(&name, asked.name.trim_start_matches('/')).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<parameters::Remove>,
) -> Answer<StatusCode> {
    let reports = engine.containers().remove(&name, asked.options()).await?;
    match reports.into_iter().find_map(|report| report.error) {
        None => Ok(StatusCode::NO_CONTENT),
        Some(message) => Err(Error::internal(message).into()),
    }
}

/// The end of a wait.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Waited {
    status_code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<WaitError>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WaitError {
    message: String,
}

impl From<cove_api::Result<i32>> for Waited {
    fn from(result: cove_api::Result<i32>) -> Self {
        match result {
            Ok(status_code) => Self { status_code, error: None },
            Err(Error { message, .. }) => Self { status_code: -1, error: Some(WaitError { message }) },
        }
    }
}

/// Docker's `run` asks to wait before it starts the container, and goes on when the head of the answer is there; so
/// the head goes at once and the body follows.
async fn wait(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<parameters::Wait>,
) -> Answer {
    let container = engine.containers().inspect(&name, false).await?;
    let id = container.id.clone();
    let future: Pin<Box<dyn Future<Output = cove_api::Result<i32>> + Send>> = match asked.condition {
        Condition::NotRunning => {
            Box::pin(async move { engine.containers().wait(&id, WaitOptions::default()).await })
        }
        // The events are subscribed to before the head goes, so that a quick end is not missed.
        Condition::NextExit => Box::pin(exit_of(lives(&engine, id).await?, "died", 0)),
        Condition::Removed => {
            let events = lives(&engine, id).await?;
            // Looked at again: it may have ended before there was somebody to hear of it.
            let ended = engine.containers().inspect(&container.id, false).await?.state;
            let code = if ended.status.has_ended() { ended.exit_code } else { 0 };
            Box::pin(exit_of(events, "remove", code))
        }
    };
    let body = futures_util::stream::once(async move {
        let waited = Waited::from(future.await);
        serde_json::to_vec(&waited).map(Bytes::from)
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

/// Follows a container to the event `last` and answers the exit code it had then; `code` where no event tells one.
async fn exit_of(mut events: ValueStream<Event>, last: &'static str, mut code: i32) -> cove_api::Result<i32> {
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

async fn logs(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<parameters::Logs>,
    Query(options): Query<LogOptions>,
) -> Answer {
    options.check()?;
    let terminal = engine.containers().inspect(&name, false).await?.config.tty;
    let lines = engine.containers().logs(&name, options).await?;
    Ok(stream::logs(lines, asked.timestamps, !terminal))
}

async fn attach(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<parameters::Attach>,
    mut request: Request,
) -> Answer {
    let (streams, terminal) = attached(&engine, &name, asked).await?;
    Ok(stream::attach(&mut request, streams, terminal))
}

/// A container's streams, and whether they are a terminal.
pub(super) async fn attached(
    engine: &EngineState,
    name: &str,
    asked: parameters::Attach,
) -> Answer<(AttachStream, bool)> {
    let (streams, options) = (asked.streams(), asked.options());
    let container = engine.containers().inspect(name, false).await?;
    let terminal = container.config.tty;
    if !streams {
        return Ok((replay(&**engine, name, &options).await?, terminal));
    }
    match engine.containers().attach(name, options).await {
        Ok(attached) => Ok((attached, terminal)),
        Err(error) if error.kind == ErrorKind::InvalidArgument => Err(error.into()),
        // Attaching prepares the start, and so may fail like it.
        Err(error) => Err(failed_start(engine, &container, error).await.into()),
    }
}

async fn resize(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<parameters::Resize>,
) -> Answer<StatusCode> {
    engine.containers().resize(&name, asked.size()).await?;
    Ok(StatusCode::OK)
}

async fn top(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<parameters::Top>,
) -> Answer {
    Ok(Json(engine.containers().top(&name, asked.descriptors()).await?).into_response())
}
