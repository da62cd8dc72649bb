//! `/containers/{name}/exec` and `/exec`: libpod's handlers but for the shape of inspect.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use cove_api::{AttachStream, Error, ErrorKind, OutputChunk, OutputStream};

use super::containers::start_error;
use crate::error::Answer;
use crate::libpod::execs::{Start, create, read_start, resize};
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
    let Start { options, terminal } = read_start(&engine, &id, &mut request).await?;
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
