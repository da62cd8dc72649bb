//! `POST …/prune`: the engine's prune in Docker's words.

use axum::extract::State;
use axum::routing::post;
use axum::{Extension, Json, Router};
use cove_api::wire::{NotDone, query};
use cove_api::{Error, Filters, ImagePruneOptions, PruneOptions, PruneReport, VolumePruneOptions};
use serde::{Deserialize, Serialize};

use super::images::{Removed, digest};
use super::parameters::{Filtered, Query};
use crate::error::Answer;
use crate::router::{AskedVersion, EngineState};

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/build/prune", post(build))
        .route("/containers/prune", post(containers))
        .route("/images/prune", post(images))
        .route("/networks/prune", post(networks))
        .route("/volumes/prune", post(volumes))
}

/// What went: the ids, and the bytes that are free now.
fn gone(reports: Vec<PruneReport>) -> (Vec<String>, u64) {
    let gone: Vec<PruneReport> = reports.into_iter().filter(|report| report.error.is_none()).collect();
    let space = gone.iter().map(|report| report.size).sum();
    (gone.into_iter().map(|report| report.id).collect(), space)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ContainersPruned {
    containers_deleted: Vec<String>,
    space_reclaimed: u64,
}

async fn containers(
    State(engine): State<EngineState>,
    Query(Filtered { filters }): Query<Filtered>,
) -> Answer<Json<ContainersPruned>> {
    let (containers_deleted, space_reclaimed) =
        gone(engine.containers().prune(PruneOptions { filters }).await?);
    Ok(Json(ContainersPruned { containers_deleted, space_reclaimed }))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ImagesPruned {
    images_deleted: Vec<Removed>,
    space_reclaimed: u64,
}

/// Only images without a name, unless the filter `dangling` is false.
async fn images(
    State(engine): State<EngineState>,
    Query(Filtered { filters }): Query<Filtered>,
) -> Answer<Json<ImagesPruned>> {
    let options = ImagePruneOptions { filters, ..ImagePruneOptions::default() };
    let (ids, space_reclaimed) = gone(engine.images().prune(options).await?);
    let images_deleted = ids.iter().map(|id| Removed::Deleted(digest(id))).collect();
    Ok(Json(ImagesPruned { images_deleted, space_reclaimed }))
}

/// What a builder may keep: nothing of it is done. `all` says nothing more, as images without a name always go.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BuildPrune {
    #[serde(deserialize_with = "query::filters")]
    filters: Filters,
    #[serde(rename = "keep-storage")]
    _keep_storage: NotDone<i64>,
    #[serde(rename = "reserved-space")]
    _reserved_space: NotDone<i64>,
    #[serde(rename = "max-used-space")]
    _max_used_space: NotDone<i64>,
    #[serde(rename = "min-free-space")]
    _min_free_space: NotDone<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BuildPruned {
    caches_deleted: Vec<String>,
    space_reclaimed: u64,
}

/// The images of steps that nothing is built on any more, and the cache mounts.
async fn build(
    State(engine): State<EngineState>,
    Query(BuildPrune { filters, .. }): Query<BuildPrune>,
) -> Answer<Json<BuildPruned>> {
    if let Some(key) = filters.keys().next() {
        return Err(Error::unsupported(format!("filter {key}: not supported for what builds keep")).into());
    }
    let options = ImagePruneOptions { build_cache: true, ..ImagePruneOptions::default() };
    let (caches_deleted, space_reclaimed) = gone(engine.images().prune(options).await?);
    Ok(Json(BuildPruned { caches_deleted, space_reclaimed }))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NetworksPruned {
    networks_deleted: Vec<String>,
}

async fn networks(
    State(engine): State<EngineState>,
    Query(Filtered { filters }): Query<Filtered>,
) -> Answer<Json<NetworksPruned>> {
    let reports = engine.networks().prune(PruneOptions { filters }).await?;
    let gone = reports.into_iter().filter(|report| report.error.is_none());
    Ok(Json(NetworksPruned { networks_deleted: gone.map(|report| report.name).collect() }))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VolumesPruned {
    volumes_deleted: Vec<String>,
    space_reclaimed: u64,
}

/// Since version 1.42 only volumes without a name of their own, unless the filter `all` is true.
async fn volumes(
    State(engine): State<EngineState>,
    Extension(AskedVersion(version)): Extension<AskedVersion>,
    Query(Filtered { mut filters }): Query<Filtered>,
) -> Answer<Json<VolumesPruned>> {
    if version.as_deref().is_some_and(is_before_1_42) {
        filters.insert("all".to_owned(), vec!["true".to_owned()]);
    }
    let options = VolumePruneOptions { filters, ..VolumePruneOptions::default() };
    let (volumes_deleted, space_reclaimed) = gone(engine.volumes().prune(options).await?);
    Ok(Json(VolumesPruned { volumes_deleted, space_reclaimed }))
}

fn is_before_1_42(version: &str) -> bool {
    let minor = version.strip_prefix("1.").and_then(|minor| minor.parse::<u32>().ok());
    minor.is_some_and(|minor| minor < 42)
}

#[cfg(test)]
mod tests {
    use super::is_before_1_42;

    #[test]
    fn versions() {
        for (version, expected) in
            [("1.41", true), ("1.42", false), ("1.44", false), ("2.0", false), ("x", false)]
        {
            assert_eq!(is_before_1_42(version), expected, "{version}");
        }
    }
}
