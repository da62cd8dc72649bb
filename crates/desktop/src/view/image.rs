//! Images.

use cove_api::ImageSummary;
use serde::{Deserialize, Serialize};

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
