//! The files of `/containers`, and `/commit`.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use cove_api::endpoint::PATH_STAT;
use cove_api::{
    Change, ChangesOptions, CommitFormat, CommitOptions, CopyFromOptions, CopyToOptions, DiffType, ErrorKind,
    ImageConfig,
};
use serde::Serialize;

use super::parameters::{self, Query};
use crate::body;
use crate::error::Answer;
use crate::router::EngineState;
use crate::stream;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/commit", post(commit))
        .route("/containers/{name}/changes", get(changes))
        .route("/containers/{name}/export", get(export))
        .route("/containers/{name}/archive", get(copy_from).head(path_stat).put(copy_to))
}

async fn changes(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<Json<Vec<Change>>> {
    let options = ChangesOptions { diff_type: DiffType::Container, ..ChangesOptions::default() };
    Ok(Json(engine.files().changes(&name, options).await?))
}

async fn export(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer {
    stream::begun_pieces("application/octet-stream", engine.files().export(&name).await?).await
}

/// What commit answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Committed {
    id: String,
}

async fn commit(
    State(engine): State<EngineState>,
    Query(asked): Query<parameters::Commit>,
    request: Body,
) -> Answer {
    let text = body::read(request).await?;
    let config: Option<ImageConfig> = match text.trim_ascii() {
        b"" | b"null" => None,
        text => Some(body::decode(text)?),
    };
    let options = CommitOptions {
        author: asked.author,
        // One instruction a line.
        changes: asked.changes.iter().flat_map(|changes| changes.lines()).map(str::to_owned).collect(),
        comment: asked.comment,
        format: CommitFormat::Docker,
        pause: asked.pause.unwrap_or(true),
        repo: asked.repo,
        tag: asked.tag,
        config,
        ..CommitOptions::default()
    };
    let made = engine.files().commit(&asked.container, options.clone()).await;
    let id = match made {
        // Docker's clients ask for the pause without their user's having said so.
        Err(error) if error.kind == ErrorKind::Unsupported && options.pause => {
            tracing::warn!(%error, "committing container {} as it runs", asked.container);
            let options = CommitOptions { pause: false, ..options };
            engine.files().commit(&asked.container, options).await?
        }
        made => made?,
    };
    Ok((StatusCode::CREATED, Json(Committed { id: format!("sha256:{id}") })).into_response())
}

async fn path_stat(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<CopyFromOptions>,
) -> Answer {
    let stat = engine.files().path_stat(&name, &asked.checked()?.path).await?;
    // A link that leads to nothing is something: Docker's command line follows it by itself.
    Ok(([(PATH_STAT, stat.header()?)], ()).into_response())
}

async fn copy_from(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<CopyFromOptions>,
) -> Answer {
    let options = CopyFromOptions { docker: true, ..asked.checked()? };
    let copied = engine.files().copy_from(&name, options).await?;
    let mut answer = stream::begun_pieces("application/x-tar", copied.archive).await?;
    answer.headers_mut().insert(PATH_STAT, copied.stat.header()?);
    Ok(answer)
}

async fn copy_to(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<parameters::CopyTo>,
    archive: Body,
) -> Answer<StatusCode> {
    let mut options: CopyToOptions = asked.options();
    // Where the container runs as nobody in particular, the archive says whose files they are.
    options.chown = options.chown && !engine.containers().inspect(&name, false).await?.config.user.is_empty();
    engine.files().copy_to(&name, options, stream::upload(archive)).await?;
    Ok(StatusCode::OK)
}
