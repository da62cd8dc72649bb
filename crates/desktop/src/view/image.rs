//! Images.

use async_trait::async_trait;
use cove_api::{
    Engine, ImageHistoryRow, ImageInspect, ImageListOptions, ImageRemoveOptions, ImageSummary, Result,
    SearchResult,
};
use serde::{Deserialize, Serialize};

use super::KeyValue;
use super::container::variable;
use super::description::{json, pairs};
use crate::Failure;
use crate::collection::Row;
use crate::kinds::Listed;

/// A row of the list of images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ImageRow {
    /// The whole id.
    pub id: String,
    /// Its names with tags; none for a dangling one.
    pub names: Vec<String>,
    /// Seconds since the epoch.
    pub created: i64,
    /// Bytes.
    pub size: i64,
    /// `linux/amd64`, where the engine tells.
    pub platform: String,
}

impl Row for ImageRow {
    type Key = String;
    fn key(&self) -> &String {
        &self.id
    }
}

#[async_trait]
impl Listed for ImageRow {
    const EVENTS: &'static str = "image";

    async fn list(engine: &dyn Engine) -> Result<Vec<Self>> {
        let list = engine.images().list(ImageListOptions::default()).await?;
        Ok(list.into_iter().map(Into::into).collect())
    }

    /// `force` also takes every name.
    async fn remove(engine: &dyn Engine, id: &str, force: bool) -> std::result::Result<(), Failure> {
        let options = ImageRemoveOptions { force, ..ImageRemoveOptions::default() };
        let report = engine.images().remove(vec![id.to_owned()], options).await?;
        report.failure().map_or(Ok(()), |error| Err(error.into()))
    }
}

impl From<ImageSummary> for ImageRow {
    fn from(summary: ImageSummary) -> Self {
        let names = if summary.names.is_empty() { summary.repo_tags } else { summary.names };
        let platform = [summary.os, summary.arch].into_iter().filter(|part| !part.is_empty());
        Self {
            id: summary.id.strip_prefix("sha256:").unwrap_or(&summary.id).to_owned(),
            names: names.into_iter().filter(|name| !name.contains("<none>")).collect(),
            created: summary.created.max(0),
            size: summary.size.max(0),
            platform: platform.collect::<Vec<_>>().join("/"),
        }
    }
}

/// A step in an image's making.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct HistoryRow {
    /// The instruction.
    pub step: String,
    /// Bytes that it added.
    pub size: i64,
    /// Seconds since the epoch; 0 where the image does not tell.
    pub created: i64,
    /// What its author remarks.
    pub comment: String,
}

/// What the details of one image show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ImageDetails {
    /// The whole id.
    pub id: String,
    /// Its names with tags.
    pub names: Vec<String>,
    /// Digest of its manifest.
    pub digest: String,
    /// `linux/amd64`.
    pub platform: String,
    /// What is put before a command.
    pub entrypoint: Vec<String>,
    /// The command.
    pub command: Vec<String>,
    /// Where it runs.
    pub working_dir: String,
    /// As whom it runs; empty is root.
    pub user: String,
    /// `80/tcp`.
    pub ports: Vec<String>,
    /// Paths that get a volume.
    pub volumes: Vec<String>,
    /// Its environment.
    pub environment: Vec<KeyValue>,
    /// Its labels.
    pub labels: Vec<KeyValue>,
    /// How it was made, newest step first.
    pub history: Vec<HistoryRow>,
    /// All that `inspect` tells, as indented JSON.
    pub json: String,
}

impl ImageDetails {
    /// The details of what `inspect` and `history` tell.
    pub(crate) fn new(inspect: ImageInspect, history: Vec<ImageHistoryRow>) -> Self {
        let json = json(&inspect);
        let config = inspect.config;
        let platform = [inspect.os, inspect.architecture].into_iter().filter(|part| !part.is_empty());
        Self {
            id: inspect.id.strip_prefix("sha256:").unwrap_or(&inspect.id).to_owned(),
            names: inspect.repo_tags,
            digest: inspect.digest,
            platform: platform.collect::<Vec<_>>().join("/"),
            entrypoint: config.entrypoint,
            command: config.cmd,
            working_dir: config.working_dir,
            user: config.user,
            ports: config.exposed_ports.into_keys().collect(),
            volumes: config.volumes.into_keys().collect(),
            environment: config.env.iter().map(|entry| variable(entry)).collect(),
            labels: pairs(config.labels),
            history: history
                .into_iter()
                .map(|row| HistoryRow {
                    step: row.created_by,
                    size: row.size.max(0),
                    created: row.created.max(0),
                    comment: row.comment,
                })
                .collect(),
            json,
        }
    }
}

/// What a registry has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct FoundImage {
    /// The repository with its registry; of a tag, the whole name.
    pub name: String,
    /// What its owner says about it.
    pub description: String,
    /// How many users marked it.
    pub stars: i64,
    /// Whether the registry's owner keeps it.
    pub official: bool,
}

impl From<SearchResult> for FoundImage {
    fn from(found: SearchResult) -> Self {
        let name = if found.tag.is_empty() { found.name } else { format!("{}:{}", found.name, found.tag) };
        Self {
            name,
            description: found.description,
            stars: found.stars,
            official: !found.official.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_a_name_has_none() {
        let summary = ImageSummary {
            id: "sha256:abc".into(),
            repo_tags: vec!["<none>:<none>".into()],
            os: "linux".into(),
            ..ImageSummary::default()
        };
        let row = ImageRow::from(summary);
        assert_eq!((row.id.as_str(), row.names.len(), row.platform.as_str()), ("abc", 0, "linux"));
    }
}
