//! `/containers/{name}/exec` and `/exec`.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;

use cove_api::endpoint::ExecStart;
use cove_api::{AttachStream, Error, ErrorKind, ExecProcess, ExecSpec, OutputChunk, OutputStream};

use super::containers::start_error;
use super::parameters::{Query, Resize};
use crate::body::{self, JsonBody};
use crate::error::Answer;
use crate::router::EngineState;
use crate::stream;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/containers/{name}/exec", post(create))
        .route("/exec/{id}/start", post(start))
        .route("/exec/{id}/json", get(inspect))
        .route("/exec/{id}/resize", post(resize))
}

/// Docker takes the connection over before it starts the command, and tells of a command that cannot be run in the
/// stream; the exit code is in inspect.
async fn start(State(engine): State<EngineState>, Path(id): Path<String>, mut request: Request) -> Answer {
    // The body is read in place, as the connection is taken over afterwards.
    let content = body::read(std::mem::take(request.body_mut())).await?;
    let options = body::decode::<ExecStart>(&content)?.options();
    let terminal = engine.execs().inspect(&id).await?.process_config.tty;
    match engine.execs().start(&id, options).await {
        Ok(Some(attached)) => Ok(stream::attach(&mut request, attached, terminal)),
        Ok(None) => Ok(StatusCode::OK.into_response()),
        Err(error)
            if !options.detach
                && matches!(error.kind, ErrorKind::CommandNotFound | ErrorKind::CommandNotExecutable) =>
        {
            let text = format!("{}\r\n", start_error(error).message);
            let chunk = OutputChunk { stream: OutputStream::Stdout, data: text.into() };
            let output = Box::pin(futures_util::stream::iter([Ok::<_, Error>(chunk)]));
            Ok(stream::attach(&mut request, AttachStream { input: None, output }, terminal))
        }
        Err(error) => Err(start_error(error).into()),
    }
}

/// What create answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CreatedExec {
    id: String,
}

async fn create(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    JsonBody(spec): JsonBody<ExecSpec>,
) -> Answer {
    spec.check_for_service()?;
    let id = engine.execs().create(&name, spec).await?;
    Ok((StatusCode::CREATED, Json(CreatedExec { id })).into_response())
}

async fn resize(
    State(engine): State<EngineState>,
    Path(id): Path<String>,
    Query(asked): Query<Resize>,
) -> Answer<StatusCode> {
    engine.execs().resize(&id, asked.size()).await?;
    Ok(StatusCode::CREATED)
}

/// A session as Docker shows it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerExec {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "ContainerID")]
    container_id: String,
    running: bool,
    /// Docker leaves it out until there is one.
    exit_code: Option<i32>,
    pid: i32,
    can_remove: bool,
    detach_keys: String,
    open_stdin: bool,
    open_stdout: bool,
    open_stderr: bool,
    process_config: ExecProcess,
}

async fn inspect(State(engine): State<EngineState>, Path(id): Path<String>) -> Answer<Json<DockerExec>> {
    let session = engine.execs().inspect(&id).await?;
    Ok(Json(DockerExec {
        id: session.id,
        container_id: session.container_id,
        running: session.running,
        exit_code: (!session.running).then_some(session.exit_code),
        pid: session.pid,
        can_remove: session.can_remove,
        detach_keys: session.detach_keys,
        open_stdin: session.open_stdin,
        open_stdout: session.open_stdout,
        open_stderr: session.open_stderr,
        process_config: session.process_config,
    }))
}
