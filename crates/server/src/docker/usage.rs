//! `/system/df`: the engine's disk use in Docker's words.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use cove_api::{
    ContainerState, ContainerSummary, ContainerUsage, ImageUsage, ListOptions, StringMap, VolumeListOptions,
    VolumeUsage,
};
use serde::{Deserialize, Serialize};

use super::images::digest;
use super::parameters::Query;
use crate::error::Answer;
use crate::router::EngineState;

pub(super) fn routes() -> Router<EngineState> {
    Router::new().route("/system/df", get(disk_usage))
}

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// `container`, `image`, `volume`, `build-cache`; none is all. Docker repeats the key.
    #[serde(rename = "type", deserialize_with = "cove_api::wire::query::commas")]
    kinds: Vec<String>,
}

impl Asked {
    fn wants(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|asked| asked == kind)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Usage {
    layers_size: i64,
    images: Vec<Image>,
    containers: Vec<Container>,
    volumes: Vec<Volume>,
    /// Builds keep nothing apart from images.
    build_cache: [(); 0],
    builder_size: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    id: String,
    parent_id: String,
    repo_tags: Vec<String>,
    repo_digests: Vec<String>,
    created: i64,
    size: i64,
    shared_size: i64,
    virtual_size: i64,
    labels: StringMap,
    containers: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    id: String,
    names: Vec<String>,
    image: String,
    #[serde(rename = "ImageID")]
    image_id: String,
    command: String,
    created: i64,
    size_rw: i64,
    size_root_fs: i64,
    labels: StringMap,
    state: String,
    status: String,
    mounts: Vec<Mount>,
}

/// One of a container's volumes, as Docker's client counts them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Mount {
    #[serde(rename = "Type")]
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Volume {
    name: String,
    driver: String,
    mountpoint: String,
    labels: StringMap,
    options: StringMap,
    scope: String,
    usage_data: VolumeData,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeData {
    size: i64,
    ref_count: u32,
}

async fn disk_usage(State(engine): State<EngineState>, Query(asked): Query<Asked>) -> Answer<Json<Usage>> {
    if let Some(other) = asked
        .kinds
        .iter()
        .find(|kind| !matches!(kind.as_str(), "container" | "image" | "volume" | "build-cache"))
    {
        return Err(cove_api::Error::invalid(format!("unknown object type: {other}")).into());
    }
    let usage = engine.system().disk_usage().await?;
    let rows = engine.containers().list(ListOptions { all: true, ..ListOptions::default() }).await?;
    let volumes = engine.volumes().list(VolumeListOptions::default()).await?;
    let wanted = |kind: &str| asked.wants(kind);
    Ok(Json(Usage {
        layers_size: if wanted("image") { usage.images_size } else { 0 },
        images: if wanted("image") { images(usage.images) } else { Vec::new() },
        containers: match wanted("container") {
            true => usage.containers.into_iter().map(|container| row(container, &rows)).collect(),
            false => Vec::new(),
        },
        volumes: match wanted("volume") {
            true => usage.volumes.into_iter().map(|usage| volume(usage, &volumes)).collect(),
            false => Vec::new(),
        },
        build_cache: [],
        builder_size: 0,
    }))
}

/// The engine has a row for each name, Docker one for each image.
fn images(rows: Vec<ImageUsage>) -> Vec<Image> {
    let mut images: Vec<Image> = Vec::new();
    for row in rows {
        let id = digest(&row.id);
        let name = (row.repository != "<none>").then(|| format!("{}:{}", row.repository, row.tag));
        match images.iter_mut().find(|image| image.id == id) {
            Some(image) => image.repo_tags.extend(name),
            None => images.push(Image {
                id,
                parent_id: String::new(),
                repo_tags: name.into_iter().collect(),
                repo_digests: Vec::new(),
                created: row.created.as_second(),
                size: row.size,
                shared_size: row.shared_size,
                virtual_size: row.size,
                labels: StringMap::new(),
                containers: row.containers,
            }),
        }
    }
    images
}

fn row(usage: ContainerUsage, rows: &[ContainerSummary]) -> Container {
    let listed = rows.iter().find(|row| row.id == usage.id);
    let state = usage.status.parse().map(super::summary::docker_state);
    Container {
        image: listed.map_or_else(|| usage.image.clone(), |row| row.image.clone()),
        labels: listed.map(|row| row.labels.clone()).unwrap_or_default(),
        state: state.as_ref().map_or("", |state: &ContainerState| state.as_str()).to_owned(),
        status: listed.map_or_else(|| usage.status.clone(), super::summary::status),
        mounts: (0..usage.local_volumes).map(|_| Mount { kind: "volume" }).collect(),
        names: vec![format!("/{}", usage.names)],
        image_id: digest(&usage.image),
        command: usage.command.join(" "),
        created: usage.created.as_second(),
        size_rw: usage.rw_size,
        size_root_fs: usage.size,
        id: usage.id,
    }
}

fn volume(usage: VolumeUsage, volumes: &[cove_api::Volume]) -> Volume {
    let listed = volumes.iter().find(|volume| volume.name == usage.name).cloned().unwrap_or_default();
    Volume {
        name: usage.name,
        driver: listed.driver,
        mountpoint: listed.mountpoint,
        labels: listed.labels,
        options: listed.options,
        scope: listed.scope,
        usage_data: VolumeData { size: usage.size, ref_count: usage.links },
    }
}
