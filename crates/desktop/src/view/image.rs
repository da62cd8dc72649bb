//! Images.

use async_trait::async_trait;
use cove_api::{Engine, ErrorKind, ImageListOptions, ImageRemoveOptions, ImageSummary, Result};
use serde::{Deserialize, Serialize};

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
        match report.errors.into_iter().next() {
            None => Ok(()),
            Some(message) => {
                // What `rmi` ends with says which kind it is (podman-rmi(1), EXIT STATUS).
                let kind = match report.exit_code {
                    1 => ErrorKind::NotFound,
                    2 => ErrorKind::InUse,
                    _ => ErrorKind::Internal,
                };
                Err(Failure::new(kind, message))
            }
        }
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
