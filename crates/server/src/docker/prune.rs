//! `POST …/prune`: what nobody uses goes, and what came into use since the look at it stays.
//!
//! Space is told where it is known without reading whole folders: of containers and images.

use axum::extract::State;
use axum::routing::post;
use axum::{Extension, Json, Router};
use cove_api::{
    ContainerState, Error, ErrorKind, ImageListOptions, ImageRemoveOptions, ListOptions, NetworkListOptions,
    RemoveOptions, Result, VolumeListOptions, VolumeRemoveOptions,
};
use serde::Serialize;

use super::images::Removed;
use super::parameters::{Filtered, Query};
use crate::error::Answer;
use crate::router::{AskedVersion, EngineState};

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/containers/prune", post(containers))
        .route("/images/prune", post(images))
        .route("/networks/prune", post(networks))
        .route("/volumes/prune", post(volumes))
}

/// The result of one removal: `None` where the object was used or removed since the look at it.
fn removed<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error { kind: ErrorKind::NotFound | ErrorKind::InUse | ErrorKind::WrongState, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ContainersPruned {
    containers_deleted: Vec<String>,
    /// Bytes.
    space_reclaimed: i64,
}

async fn containers(
    State(engine): State<EngineState>,
    Query(Filtered { filters }): Query<Filtered>,
) -> Answer<Json<ContainersPruned>> {
    let options = ListOptions { all: true, size: true, filters, ..ListOptions::default() };
    let mut report = ContainersPruned::default();
    for row in engine.containers().list(options).await? {
        if !(row.state.has_ended() || row.state == ContainerState::Created) {
            continue;
        }
        let options = RemoveOptions { volumes: true, ..RemoveOptions::default() };
        if removed(engine.containers().remove(&row.id, options).await)?.is_some() {
            report.space_reclaimed += row.size.map_or(0, |size| size.rw);
            report.containers_deleted.push(row.id);
        }
    }
    Ok(Json(report))
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ImagesPruned {
    images_deleted: Vec<Removed>,
    /// Bytes.
    space_reclaimed: i64,
}

/// Only images without a name, unless the filter `dangling` is false.
async fn images(
    State(engine): State<EngineState>,
    Query(Filtered { mut filters }): Query<Filtered>,
) -> Answer<Json<ImagesPruned>> {
    let named = filters.remove("dangling");
    let named =
        named.is_some_and(|values| values.iter().any(|value| matches!(value.as_str(), "false" | "0")));
    if !named {
        filters.insert("dangling".to_owned(), vec!["true".to_owned()]);
    }
    let rows = engine.images().list(ImageListOptions { all: false, filters }).await?;
    let mut report = ImagesPruned::default();
    for row in rows.into_iter().filter(|row| row.containers == 0) {
        // By its names, so that one with several goes whole without force.
        let names = if row.repo_tags.is_empty() { vec![row.id.clone()] } else { row.repo_tags.clone() };
        let outcome = engine.images().remove(names, ImageRemoveOptions::default()).await?;
        match outcome.failure() {
            Some(error) => drop(removed::<()>(Err(error))?),
            None => report.space_reclaimed += row.size,
        }
        report.images_deleted.extend(Removed::of(outcome));
    }
    Ok(Json(report))
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct NetworksPruned {
    networks_deleted: Vec<String>,
}

async fn networks(
    State(engine): State<EngineState>,
    Query(Filtered { mut filters }): Query<Filtered>,
) -> Answer<Json<NetworksPruned>> {
    filters.insert("dangling".to_owned(), vec!["true".to_owned()]);
    let mut report = NetworksPruned::default();
    for network in engine.networks().list(NetworkListOptions { filters }).await? {
        if removed(engine.networks().remove(&network.name, false).await)?.is_some() {
            report.networks_deleted.push(network.name);
        }
    }
    Ok(Json(report))
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct VolumesPruned {
    volumes_deleted: Vec<String>,
}

/// Since version 1.42 only volumes without a name of their own, unless the filter `all` is true.
async fn volumes(
    State(engine): State<EngineState>,
    Extension(AskedVersion(version)): Extension<AskedVersion>,
    Query(Filtered { mut filters }): Query<Filtered>,
) -> Answer<Json<VolumesPruned>> {
    let all = filters.remove("all");
    let all = all.is_some_and(|values| values.iter().any(|value| matches!(value.as_str(), "true" | "1")));
    filters.insert("dangling".to_owned(), vec!["true".to_owned()]);
    if !all && !version.as_deref().is_some_and(is_before_1_42) {
        filters.insert("anonymous".to_owned(), vec!["true".to_owned()]);
    }
    let mut report = VolumesPruned::default();
    for volume in engine.volumes().list(VolumeListOptions { filters }).await? {
        let options = VolumeRemoveOptions::default();
        if removed(engine.volumes().remove(&volume.name, options).await)?.is_some() {
            report.volumes_deleted.push(volume.name);
        }
    }
    Ok(Json(report))
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
