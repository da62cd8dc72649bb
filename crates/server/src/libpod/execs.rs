//! `/libpod/containers/{name}/exec` and `/libpod/exec`.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use cove_api::{ExecInspect, ExecSpec, ExecStartOptions, TerminalSize};
use serde::Deserialize;
use serde_json::json;

use super::containers::terminal_size;
use crate::body::{self, LibpodBody};
use crate::error::{Answer, ApiError};
use crate::params::Params;
use crate::router::EngineState;
use crate::stream;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/containers/{name}/exec", post(create))
        .route("/exec/{id}/start", post(start))
        .route("/exec/{id}/json", get(inspect))
        .route("/exec/{id}/resize", post(resize))
        .route("/exec/{id}/remove", post(remove))
}

/// Also Docker's route.
pub(crate) async fn create(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    LibpodBody(spec): LibpodBody<ExecSpec>,
) -> Answer {
    if spec.cmd.is_empty() {
        return Err(ApiError::invalid("exec: Cmd is empty: a command to run is needed"));
    }
    let id = engine.execs().create(&name, spec).await?;
    Ok((StatusCode::CREATED, Json(json!({"Id": id}))).into_response())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StartBody {
    #[serde(rename = "Detach")]
    detach: bool,
    #[serde(rename = "ConsoleSize")]
    console_size: Option<(u16, u16)>,
    h: u16,
    w: u16,
}

/// What a request to start a session asks for.
pub(crate) struct Start {
    pub(crate) options: ExecStartOptions,
    /// Whether the session has a terminal, so that its output goes without frames.
    pub(crate) terminal: bool,
}

/// Reads the request's body in place, as the connection is taken over afterwards.
pub(crate) async fn read_start(engine: &EngineState, id: &str, request: &mut Request) -> Answer<Start> {
    let content = body::read(std::mem::take(request.body_mut())).await?;
    let start: StartBody = body::decode(&content)?;
    let size = match start.console_size {
        Some((height, width)) => Some(TerminalSize { width, height }),
        None => (start.h > 0 && start.w > 0).then_some(TerminalSize { width: start.w, height: start.h }),
    };
    let terminal = engine.execs().inspect(id).await?.process_config.tty;
    Ok(Start { options: ExecStartOptions { detach: start.detach, size }, terminal })
}

async fn start(State(engine): State<EngineState>, Path(id): Path<String>, mut request: Request) -> Answer {
    let Start { options, terminal } = read_start(&engine, &id, &mut request).await?;
    match engine.execs().start(&id, options).await? {
        Some(attached) => Ok(stream::attach(&mut request, attached, terminal)),
        None => Ok(StatusCode::OK.into_response()),
    }
}

async fn inspect(State(engine): State<EngineState>, Path(id): Path<String>) -> Answer<Json<ExecInspect>> {
    Ok(Json(engine.execs().inspect(&id).await?))
}

/// Also Docker's route.
pub(crate) async fn resize(
    State(engine): State<EngineState>,
    Path(id): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    engine.execs().resize(&id, terminal_size(&params)?).await?;
    Ok(StatusCode::CREATED)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Remove {
    #[serde(rename = "Force")]
    force: bool,
}

async fn remove(
    State(engine): State<EngineState>,
    Path(id): Path<String>,
    LibpodBody(remove): LibpodBody<Remove>,
) -> Answer<StatusCode> {
    engine.execs().remove(&id, remove.force).await?;
    Ok(StatusCode::OK)
}
