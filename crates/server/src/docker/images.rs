//! `/images`.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use cove_api::endpoint::RegistryAuth;
use cove_api::{
    BlobPhase, BlobProgress, Error, ErrorKind, ImageInspect, ImageListOptions, ImageRemoveOptions,
    ImageSummary, ImportOptions, Progress, PullOptions, PullPolicy, SaveOptions,
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::shared::repo_tag;
use crate::error::{Answer, ApiError};
use crate::params::Params;
use crate::router::EngineState;
use crate::stream;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/images/json", get(list))
        .route("/images/create", post(create))
        .route("/images/load", post(load))
        .route("/images/get", get(save_many))
        .route("/images/{name}", delete(remove))
        .route("/images/{name}/json", get(inspect))
        .route("/images/{name}/history", get(history))
        .route("/images/{name}/get", get(save_one))
        .route("/images/{name}/tag", post(tag))
}

async fn list(State(engine): State<EngineState>, params: Params) -> Answer<Json<Vec<Value>>> {
    let options = ImageListOptions { all: params.switch("all", false)?, filters: params.filters()? };
    let rows = engine.images().list(options).await?;
    Ok(Json(rows.iter().map(summary).collect()))
}

fn summary(row: &ImageSummary) -> Value {
    json!({
        "Id": digest(&row.id),
        "ParentId": if row.parent_id.is_empty() { String::new() } else { digest(&row.parent_id) },
        "RepoTags": row.repo_tags,
        "RepoDigests": row.repo_digests,
        "Created": row.created,
        "Size": row.size,
        "VirtualSize": row.size,
        "SharedSize": -1,
        "Labels": row.labels,
        "Containers": row.containers,
    })
}

fn digest(id: &str) -> String {
    format!("sha256:{}", id.trim_start_matches("sha256:"))
}

async fn inspect(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<Json<Value>> {
    match engine.images().inspect(&name).await {
        Ok(image) => Ok(Json(docker_inspect(&image)?)),
        Err(error) if error.kind == ErrorKind::NotFound => {
            Err(Error::not_found(format!("No such image: {name}")).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn docker_inspect(image: &ImageInspect) -> Answer<Value> {
    let mut value =
        serde_json::to_value(image).map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
    value["Id"] = digest(&image.id).into();
    if !image.parent.is_empty() {
        value["Parent"] = digest(&image.parent).into();
    }
    value["DockerVersion"] = "".into();
    if let Some(map) = value.as_object_mut() {
        for libpods in
            ["Digest", "Labels", "Annotations", "ManifestType", "User", "History", "NamesHistory", "Version"]
        {
            map.remove(libpods);
        }
    }
    Ok(value)
}

async fn history(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<Json<Value>> {
    let rows = engine.images().history(&name).await?;
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|row| {
            let mut value = json!(row);
            if row.id.len() == 64 {
                value["Id"] = digest(&row.id).into();
            }
            value
        })
        .collect();
    Ok(Json(rows.into()))
}

/// Pull (`fromImage`) or import (`fromSrc=-`).
async fn create(State(engine): State<EngineState>, headers: HeaderMap, params: Params, body: Body) -> Answer {
    if let Some(source) = params.text("fromSrc") {
        return import(&engine, &source, &params, body).await;
    }
    let image =
        params.text("fromImage").ok_or_else(|| ApiError::invalid("parameter fromImage: it is missing"))?;
    let reference = match params.text("tag") {
        None => image,
        Some(tag) if tag.contains(':') => format!("{image}@{tag}"),
        Some(tag) => format!("{image}:{tag}"),
    };
    let platform = params.text("platform").unwrap_or_default();
    let mut platform = platform.split('/').map(|part| Some(part.to_owned()).filter(|part| !part.is_empty()));
    let options = PullOptions {
        policy: PullPolicy::Always,
        os: platform.next().flatten(),
        arch: platform.next().flatten(),
        variant: platform.next().flatten(),
        credentials: RegistryAuth::of(&headers)?,
        ..PullOptions::default()
    };
    let mut progress = engine.images().pull(&reference, options).await?;
    // The first event decides between an error status and a stream.
    let first = match progress.next().await {
        Some(Err(error)) => return Err(error.into()),
        first => first,
    };
    let events = futures_util::stream::iter(first).chain(progress);
    Ok(stream::json_lines(events.map(move |event| match event {
        Ok(Progress::Message(text)) => json!({"status": text}),
        Ok(Progress::Blob(blob)) => blob_line(&blob),
        Ok(Progress::Done(report)) => {
            json!({"status": format!("Status: Downloaded newer image for {reference}"), "id": report.images.last().map(|id| id.chars().take(12).collect::<String>())})
        }
        Err(error) => json!({"error": error.message, "errorDetail": {"message": error.message}}),
    })))
}

/// A line that Docker's command line draws as a bar.
fn blob_line(blob: &BlobProgress) -> Value {
    let id: String = blob.digest.trim_start_matches("sha256:").chars().take(12).collect();
    match blob.phase {
        BlobPhase::Copying => json!({
            "status": "Downloading",
            "id": id,
            "progressDetail": {"current": blob.current, "total": blob.total},
        }),
        BlobPhase::Exists => json!({"status": "Already exists", "id": id, "progressDetail": {}}),
        BlobPhase::Done => json!({"status": "Pull complete", "id": id, "progressDetail": {}}),
    }
}

async fn import(engine: &EngineState, source: &str, params: &Params, body: Body) -> Answer {
    if source != "-" {
        return Err(Error::unsupported("import from a URL is not supported by this version").into());
    }
    let options = ImportOptions {
        changes: params.list("changes", false),
        message: params.text("message").unwrap_or_default(),
        reference: repo_tag(params).unwrap_or_default(),
        ..ImportOptions::default()
    };
    let id = engine.images().import(stream::upload(body), options).await?;
    Ok(stream::json_lines(futures_util::stream::iter([json!({"status": digest(&id)})])))
}

async fn load(State(engine): State<EngineState>, body: Body) -> Answer {
    let report = engine.images().load(stream::upload(body)).await?;
    let lines = report.names.into_iter().map(|name| json!({"stream": format!("Loaded image: {name}\n")}));
    Ok(stream::json_lines(futures_util::stream::iter(lines.collect::<Vec<_>>())))
}

async fn save_many(State(engine): State<EngineState>, params: Params) -> Answer {
    save(&engine, params.list("names", true)).await
}

async fn save_one(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer {
    save(&engine, vec![name]).await
}

async fn save(engine: &EngineState, names: Vec<String>) -> Answer {
    let options = SaveOptions { multi: names.len() > 1, ..SaveOptions::default() };
    stream::begun_pieces("application/x-tar", engine.images().save(names, options).await?).await
}

async fn remove(State(engine): State<EngineState>, Path(name): Path<String>, params: Params) -> Answer {
    let options = ImageRemoveOptions {
        force: params.switch("force", false)?,
        no_prune: params.switch("noprune", false)?,
        ..ImageRemoveOptions::default()
    };
    let report = engine.images().remove(vec![name.clone()], options).await?;
    if let Some(text) = report.errors.first() {
        return Err(match report.exit_code {
            1 => Error::not_found(format!("No such image: {name}")),
            2 => Error::new(ErrorKind::InUse, text.clone()),
            _ => Error::internal(text.clone()),
        }
        .into());
    }
    let untagged = report.untagged.into_iter().map(|name| json!({"Untagged": name}));
    let deleted = report.deleted.into_iter().map(|id| json!({"Deleted": digest(&id)}));
    Ok(Json(untagged.chain(deleted).collect::<Vec<_>>()).into_response())
}

async fn tag(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    let new_name = repo_tag(&params).ok_or_else(|| ApiError::invalid("parameter repo: it is missing"))?;
    engine.images().tag(&name, &new_name).await?;
    Ok(StatusCode::CREATED)
}
