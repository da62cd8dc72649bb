//! `/libpod/images`.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use base64::Engine as _;
use cove_api::{
    ArchiveFormat, Credentials, ErrorKind, ImageHistoryRow, ImageInspect, ImageListOptions,
    ImageRemoveOptions, ImageRemoveReport, ImageSummary, ImportOptions, LoadReport, Progress, PullOptions,
    PullPolicy, SaveOptions,
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::containers::exists_status;
use crate::error::{Answer, ApiError};
use crate::params::Params;
use crate::router::EngineState;
use crate::stream;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/images/json", get(list))
        .route("/images/pull", post(pull))
        .route("/images/load", post(load))
        .route("/images/import", post(import))
        .route("/images/export", get(export))
        .route("/images/remove", delete(remove))
        .route("/images/{name}", delete(remove_one))
        .route("/images/{name}/json", get(inspect))
        .route("/images/{name}/exists", get(exists))
        .route("/images/{name}/history", get(history))
        .route("/images/{name}/get", get(get_one))
        .route("/images/{name}/tag", post(tag))
        .route("/images/{name}/untag", post(untag))
}

async fn list(State(engine): State<EngineState>, params: Params) -> Answer<Json<Vec<ImageSummary>>> {
    let options = ImageListOptions { all: params.switch("all", false)?, filters: params.filters()? };
    Ok(Json(engine.images().list(options).await?))
}

async fn inspect(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<Json<ImageInspect>> {
    Ok(Json(engine.images().inspect(&name).await?))
}

async fn exists(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<StatusCode> {
    exists_status(engine.images().exists(&name).await?, "image", &name)
}

async fn history(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
) -> Answer<Json<Vec<ImageHistoryRow>>> {
    Ok(Json(engine.images().history(&name).await?))
}

async fn pull(State(engine): State<EngineState>, headers: HeaderMap, params: Params) -> Answer {
    let reference =
        params.text("reference").ok_or_else(|| ApiError::invalid("parameter reference: it is missing"))?;
    let policy = match params.get("policy").unwrap_or("always") {
        "always" | "" => PullPolicy::Always,
        "missing" => PullPolicy::Missing,
        "newer" => PullPolicy::Newer,
        "never" => PullPolicy::Never,
        other => return Err(ApiError::invalid(format!("parameter policy: {other:?} is no pull policy"))),
    };
    let tls_verify =
        params.get("tlsVerify").is_some().then(|| params.switch("tlsVerify", true)).transpose()?;
    let options = PullOptions {
        policy,
        os: params.text("OS"),
        arch: params.text("Arch"),
        variant: params.text("Variant"),
        all_tags: params.switch("allTags", false)?,
        credentials: registry_auth(&headers)?,
        tls_verify,
        retry: params.number("retry")?,
        retry_delay: params.text("retrydelay").and_then(|text| text.trim_end_matches('s').parse().ok()),
        ..PullOptions::default()
    };
    let with_blobs = params.switch("pullProgress", false)?;
    let progress = engine.images().pull(&reference, options).await?;
    let lines = progress.filter_map(move |event| async move {
        Some(match event {
            Ok(Progress::Message(text)) => json!({"stream": text + "\n"}),
            Ok(Progress::Blob(blob)) if with_blobs => json!({"blob": blob}),
            Ok(Progress::Blob(_)) => return None,
            Ok(Progress::Done(report)) => json!({"id": report.images.last(), "images": report.images}),
            Err(error) => json!({"error": error.message, "kind": error.kind}),
        })
    });
    Ok(stream::json_lines(lines))
}

/// `X-Registry-Auth`: base64 of JSON, for one registry.
pub(crate) fn registry_auth(headers: &HeaderMap) -> Answer<Option<Credentials>> {
    let Some(header) = headers.get("X-Registry-Auth") else { return Ok(None) };
    let wrong = || ApiError::invalid("header X-Registry-Auth is no base64 of JSON");
    let text =
        header.to_str().map_err(|_| wrong())?.trim_end_matches('=').replace('+', "-").replace('/', "_");
    if text.is_empty() {
        return Ok(None);
    }
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    let field = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let credentials = Credentials {
        username: field("username"),
        password: field("password"),
        identity_token: field("identitytoken"),
    };
    Ok((credentials != Credentials::default()).then_some(credentials))
}

async fn load(State(engine): State<EngineState>, body: Body) -> Answer<Json<LoadReport>> {
    Ok(Json(engine.images().load(stream::upload(body)).await?))
}

async fn import(State(engine): State<EngineState>, params: Params, body: Body) -> Answer<Json<Value>> {
    if params.text("url").is_some() {
        return Err(cove_api::Error::unsupported("import from a URL is not supported by this version").into());
    }
    let text = |key: &str| params.text(key).unwrap_or_default();
    let options = ImportOptions {
        changes: params.list("changes", false),
        message: text("message"),
        reference: text("reference"),
        os: text("OS"),
        arch: text("Architecture"),
        variant: text("Variant"),
    };
    let id = engine.images().import(stream::upload(body), options).await?;
    Ok(Json(json!({"Id": id})))
}

async fn export(State(engine): State<EngineState>, params: Params) -> Answer {
    save(&engine, params.list("references", true), &params).await
}

async fn get_one(State(engine): State<EngineState>, Path(name): Path<String>, params: Params) -> Answer {
    save(&engine, vec![name], &params).await
}

async fn save(engine: &EngineState, names: Vec<String>, params: &Params) -> Answer {
    let format = match params.get("format").unwrap_or("docker-archive") {
        "docker-archive" | "" => ArchiveFormat::DockerArchive,
        "oci-archive" => ArchiveFormat::OciArchive,
        other => {
            let text = format!(
                "saving as {other} is not supported by this version: use docker-archive or oci-archive"
            );
            return Err(cove_api::Error::unsupported(text).into());
        }
    };
    let options = SaveOptions { format, multi: names.len() > 1 || params.switch("multi", false)? };
    stream::begun_pieces("application/x-tar", engine.images().save(names, options).await?).await
}

async fn remove(State(engine): State<EngineState>, params: Params) -> Answer<Json<ImageRemoveReport>> {
    let options = ImageRemoveOptions {
        all: params.switch("all", false)?,
        force: params.switch("force", false)?,
        ignore: params.switch("ignore", false)?,
        no_prune: params.switch("noprune", false)?,
    };
    Ok(Json(engine.images().remove(params.list("images", false), options).await?))
}

async fn remove_one(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<Json<ImageRemoveReport>> {
    let options =
        ImageRemoveOptions { force: params.switch("force", false)?, ..ImageRemoveOptions::default() };
    let report = engine.images().remove(vec![name], options).await?;
    match report.errors.first() {
        None => Ok(Json(report)),
        Some(text) => {
            let kind = match report.exit_code {
                1 => ErrorKind::NotFound,
                2 => ErrorKind::InUse,
                _ => ErrorKind::Internal,
            };
            Err(cove_api::Error::new(kind, text.clone()).into())
        }
    }
}

/// `repo` and `tag` as one name.
pub(crate) fn repo_tag(params: &Params) -> Option<String> {
    let repository = params.text("repo")?;
    Some(match params.text("tag") {
        Some(tag) => format!("{repository}:{tag}"),
        None => repository,
    })
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

async fn untag(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    engine.images().untag(&name, repo_tag(&params).into_iter().collect()).await?;
    Ok(StatusCode::CREATED)
}
