//! `/containers/{name}/exec` and `/exec`.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use cove_api::endpoint::ExecStart;
use cove_api::{AttachStream, Error, ErrorKind, ExecSpec, OutputChunk, OutputStream};

use super::containers::start_error;
use super::shared::terminal_size;
use crate::body::{self, JsonBody};
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

async fn create(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    JsonBody(spec): JsonBody<ExecSpec>,
) -> Answer {
    if spec.cmd.is_empty() {
        return Err(ApiError::invalid("exec: Cmd is empty: a command to run is needed"));
    }
    let id = engine.execs().create(&name, spec).await?;
    Ok((StatusCode::CREATED, Json(json!({"Id": id}))).into_response())
}

async fn resize(
    State(engine): State<EngineState>,
    Path(id): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    engine.execs().resize(&id, terminal_size(&params)?).await?;
    Ok(StatusCode::CREATED)
}

async fn inspect(State(engine): State<EngineState>, Path(id): Path<String>) -> Answer<Json<Value>> {
    let session = engine.execs().inspect(&id).await?;
    Ok(Json(json!({
        "ID": session.id,
        "ContainerID": session.container_id,
        "Running": session.running,
        // Docker leaves it out until there is one.
        "ExitCode": (!session.running).then_some(session.exit_code),
        "Pid": session.pid,
        "CanRemove": session.can_remove,
        "DetachKeys": session.detach_keys,
        "OpenStdin": session.open_stdin,
        "OpenStdout": session.open_stdout,
        "OpenStderr": session.open_stderr,
        "ProcessConfig": session.process_config,
    })))
}
