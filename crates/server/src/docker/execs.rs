//! `/containers/{name}/exec` and `/exec`: libpod's handlers but for the shape of inspect.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::error::Answer;
use crate::libpod::execs::{create, resize, start};
use crate::router::EngineState;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/containers/{name}/exec", post(create))
        .route("/exec/{id}/start", post(start))
        .route("/exec/{id}/json", get(inspect))
        .route("/exec/{id}/resize", post(resize))
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
