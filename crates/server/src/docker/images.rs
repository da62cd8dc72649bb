//! `/images`.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use cove_api::endpoint::{RegistryAuth, Tag};
use cove_api::{
    Error, ErrorKind, GraphDriver, ImageConfig, ImageHistoryRow, ImageInspect, ImageListOptions,
    ImageRemoveOptions, ImageRemoveReport, ImageSummary, ImportOptions, PullOptions, PullPolicy, PullReport,
    PushOptions, PushReport, RootFs, SaveOptions, SearchOptions, SearchResult, StringMap, Timestamp,
};
use serde::Serialize;

use super::parameters::{self, Query};
use super::progress::{self, Line, Pushed, Words, short};
use super::registry::refused;
use crate::error::{Answer, ApiError};
use crate::router::EngineState;
use crate::stream;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/images/json", get(list))
        .route("/images/create", post(create))
        .route("/images/load", post(load))
        .route("/images/get", get(save_many))
        .route("/images/search", get(search))
        .route("/images/{name}", delete(remove))
        .route("/images/{name}/json", get(inspect))
        .route("/images/{name}/history", get(history))
        .route("/images/{name}/get", get(save_one))
        .route("/images/{name}/push", post(push))
        .route("/images/{name}/tag", post(tag))
}

/// A row of the list of images.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerSummary {
    id: String,
    parent_id: String,
    repo_tags: Vec<String>,
    repo_digests: Vec<String>,
    /// Seconds since 1970.
    created: i64,
    size: i64,
    virtual_size: i64,
    /// Not known.
    shared_size: i64,
    labels: StringMap,
    containers: i64,
}

async fn list(
    State(engine): State<EngineState>,
    Query(asked): Query<parameters::Images>,
) -> Answer<Json<Vec<DockerSummary>>> {
    let options = ImageListOptions { all: asked.all, filters: asked.filters };
    let rows = engine.images().list(options).await?;
    Ok(Json(rows.into_iter().map(summary).collect()))
}

fn summary(row: ImageSummary) -> DockerSummary {
    DockerSummary {
        id: digest(&row.id),
        parent_id: if row.parent_id.is_empty() { String::new() } else { digest(&row.parent_id) },
        repo_tags: row.repo_tags,
        repo_digests: row.repo_digests,
        created: row.created,
        size: row.size,
        virtual_size: row.size,
        shared_size: -1,
        labels: row.labels,
        containers: row.containers,
    }
}

pub(super) fn digest(id: &str) -> String {
    format!("sha256:{}", id.trim_start_matches("sha256:"))
}

async fn inspect(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<Json<DockerImage>> {
    match engine.images().inspect(&name).await {
        Ok(image) => Ok(Json(image.into())),
        Err(error) if error.kind == ErrorKind::NotFound => {
            Err(Error::not_found(format!("No such image: {name}")).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// An image as Docker shows it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    id: String,
    repo_tags: Vec<String>,
    repo_digests: Vec<String>,
    parent: String,
    comment: String,
    created: Option<Timestamp>,
    docker_version: &'static str,
    author: String,
    config: ImageConfig,
    architecture: String,
    os: String,
    size: i64,
    virtual_size: i64,
    graph_driver: GraphDriver,
    #[serde(rename = "RootFS")]
    root_fs: RootFs,
    metadata: Metadata,
}

/// What the store knows of an image beyond the image.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    /// When it got its name. The store does not keep that: when it was made, which is what clients show as its age.
    last_tag_time: Option<Timestamp>,
}

impl From<ImageInspect> for DockerImage {
    fn from(image: ImageInspect) -> Self {
        Self {
            id: digest(&image.id),
            repo_tags: image.repo_tags,
            repo_digests: image.repo_digests,
            parent: if image.parent.is_empty() { String::new() } else { digest(&image.parent) },
            comment: image.comment,
            created: image.created,
            docker_version: "",
            author: image.author,
            config: image.config,
            architecture: image.architecture,
            os: image.os,
            size: image.size,
            virtual_size: image.virtual_size,
            graph_driver: image.graph_driver,
            root_fs: image.root_fs,
            metadata: Metadata { last_tag_time: image.created },
        }
    }
}

async fn history(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
) -> Answer<Json<Vec<ImageHistoryRow>>> {
    let mut rows = engine.images().history(&name).await?;
    for row in rows.iter_mut().filter(|row| row.id.len() == 64) {
        row.id = digest(&row.id);
    }
    Ok(Json(rows))
}

/// Pull (`fromImage`) or import (`fromSrc=-`).
async fn create(
    State(engine): State<EngineState>,
    headers: HeaderMap,
    Query(asked): Query<parameters::CreateImage>,
    body: Body,
) -> Answer {
    if !asked.from_src.is_empty() {
        return import(&engine, asked, body).await;
    }
    if asked.from_image.is_empty() {
        return Err(ApiError::invalid("parameter fromImage: it is missing"));
    }
    let (image, tag) = (&asked.from_image, &asked.tag);
    let reference = match tag.as_str() {
        "" => image.clone(),
        tag if tag.contains(':') => format!("{image}@{tag}"),
        tag => format!("{image}:{tag}"),
    };
    let mut platform =
        asked.platform.split('/').map(|part| Some(part.to_owned()).filter(|part| !part.is_empty()));
    let options = PullOptions {
        policy: PullPolicy::Always,
        os: platform.next().flatten(),
        arch: platform.next().flatten(),
        variant: platform.next().flatten(),
        access: RegistryAuth::of(&headers)?.into_access(),
        ..PullOptions::default()
    };
    let progress =
        progress::of_known(engine.images().pull(&reference, options).await.map_err(refused)?).await?;
    let end = move |report: PullReport| {
        let line = Line::status(format!("Status: Downloaded newer image for {reference}"));
        vec![Line { id: report.images.last().map(|id| short(id)), ..line }]
    };
    progress::lines(progress, Words::PULL, end).await
}

/// `POST /images/{name}/push`.
async fn push(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Query(asked): Query<parameters::PushImage>,
) -> Answer {
    let tag = if asked.tag.is_empty() { "latest" } else { asked.tag.as_str() };
    let place = format!("{name}:{tag}");
    let access = RegistryAuth::of(&headers)?.into_access();
    let options = PushOptions { destination: place.clone(), access, ..PushOptions::default() };
    let progress = engine.images().push(&place, options).await.map_err(refused)?;
    let tag = tag.to_owned();
    let end = move |report: PushReport| {
        let PushReport { manifest_digest: digest, manifest_size: size } = report;
        let status = Line::status(format!("{tag}: digest: {digest} size: {size}"));
        let aux = Line { aux: Some(Pushed { tag: tag.clone(), digest, size }), ..Line::default() };
        vec![status, aux]
    };
    progress::lines(progress, Words::PUSH, end).await
}

async fn import(engine: &EngineState, asked: parameters::CreateImage, body: Body) -> Answer {
    if asked.from_src != "-" {
        return Err(Error::unsupported("import from a URL is not supported by this version").into());
    }
    let options = ImportOptions {
        changes: asked.changes,
        message: asked.message,
        reference: Tag { repo: asked.repo, tag: asked.tag }.name()?.unwrap_or_default(),
        ..ImportOptions::default()
    };
    let id = engine.images().import(stream::upload(body), options).await?;
    let line = Line::status(digest(&id));
    Ok(stream::json_lines(futures_util::stream::iter([Ok(line)])))
}

async fn load(State(engine): State<EngineState>, body: Body) -> Answer {
    let report = engine.images().load(stream::upload(body)).await?;
    let line = |name| Ok(Line { stream: Some(format!("Loaded image: {name}\n")), ..Line::default() });
    let lines = report.names.into_iter().map(line);
    Ok(stream::json_lines(futures_util::stream::iter(lines.collect::<Vec<_>>())))
}

async fn save_many(State(engine): State<EngineState>, Query(asked): Query<parameters::SaveImages>) -> Answer {
    save(&engine, asked.names).await
}

async fn save_one(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer {
    save(&engine, vec![name]).await
}

async fn save(engine: &EngineState, names: Vec<String>) -> Answer {
    let options = SaveOptions { multi: names.len() > 1, ..SaveOptions::default() };
    stream::begun_pieces("application/x-tar", engine.images().save(names, options).await?).await
}

/// A row of a search as Docker shows it.
#[derive(Serialize)]
struct DockerFound {
    name: String,
    description: String,
    star_count: i64,
    is_official: bool,
    is_automated: bool,
}

async fn search(
    State(engine): State<EngineState>,
    headers: HeaderMap,
    Query(asked): Query<parameters::SearchImages>,
) -> Answer<Json<Vec<DockerFound>>> {
    let options = SearchOptions {
        limit: asked.limit,
        filters: asked.filters,
        access: RegistryAuth::of(&headers)?.into_access(),
        ..SearchOptions::default()
    };
    let found = engine.images().search(&asked.term, options).await.map_err(refused)?;
    let row = |found: SearchResult| DockerFound {
        name: found.name,
        description: found.description,
        star_count: found.stars,
        is_official: !found.official.is_empty(),
        is_automated: !found.automated.is_empty(),
    };
    Ok(Json(found.into_iter().map(row).collect()))
}

/// One step of a removal.
#[derive(Serialize)]
pub(super) enum Removed {
    Untagged(String),
    Deleted(String),
}

impl Removed {
    /// The steps of a report.
    pub(super) fn of(report: ImageRemoveReport) -> Vec<Self> {
        let untagged = report.untagged.into_iter().map(Self::Untagged);
        untagged.chain(report.deleted.iter().map(|id| Self::Deleted(digest(id)))).collect()
    }
}

async fn remove(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<parameters::RemoveImage>,
) -> Answer<Json<Vec<Removed>>> {
    let options =
        ImageRemoveOptions { force: asked.force, no_prune: asked.noprune, ..ImageRemoveOptions::default() };
    let report = engine.images().remove(vec![name.clone()], options).await?;
    match report.failure() {
        None => Ok(Json(Removed::of(report))),
        Some(error) if error.kind == ErrorKind::NotFound => {
            Err(Error::not_found(format!("No such image: {name}")).into())
        }
        Some(error) => Err(error.into()),
    }
}

async fn tag(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<Tag>,
) -> Answer<StatusCode> {
    engine.images().tag(&name, &asked.whole_name()?).await?;
    Ok(StatusCode::CREATED)
}
