//! Volumes.

use async_trait::async_trait;
use cove_api::{Engine, Filters, ListOptions, Result, Volume, VolumeListOptions, VolumeRemoveOptions};
use serde::{Deserialize, Serialize};

use super::description::{Description, ObjectName, json, pairs};
use crate::Failure;
use crate::collection::Row;
use crate::kinds::Listed;

/// A row of the list of volumes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct VolumeRow {
    /// Its name.
    pub id: String,
    /// `local`, …
    pub driver: String,
    /// Where its files are, as the engine sees them.
    pub mountpoint: String,
    /// Whether a container made it without a name.
    pub anonymous: bool,
    /// Seconds since the epoch; 0 where the engine does not tell.
    pub created: i64,
}

impl Row for VolumeRow {
    type Key = String;
    fn key(&self) -> &String {
        &self.id
    }
}

#[async_trait]
impl Listed for VolumeRow {
    const EVENTS: &'static str = "volume";

    async fn list(engine: &dyn Engine) -> Result<Vec<Self>> {
        let list = engine.volumes().list(VolumeListOptions::default()).await?;
        Ok(list.into_iter().map(Into::into).collect())
    }

    async fn remove(engine: &dyn Engine, id: &str, force: bool) -> std::result::Result<(), Failure> {
        let options = VolumeRemoveOptions { force, ..VolumeRemoveOptions::default() };
        Ok(engine.volumes().remove(id, options).await?)
    }

    async fn describe(engine: &dyn Engine, id: &str) -> std::result::Result<Description, Failure> {
        let volume = engine.volumes().inspect(id).await?;
        let filters = Filters::from([("volume".to_owned(), vec![id.to_owned()])]);
        let options = ListOptions { all: true, filters, ..ListOptions::default() };
        let users = engine.containers().list(options).await?.into_iter().map(|row| ObjectName {
            id: row.id,
            name: row.names.into_iter().next().unwrap_or_default(),
            note: row.state.to_string(),
        });
        let json = json(&volume);
        Ok(Description {
            containers: users.collect(),
            labels: pairs(volume.labels),
            options: pairs(volume.options),
            json,
        })
    }
}

impl From<Volume> for VolumeRow {
    fn from(volume: Volume) -> Self {
        Self {
            id: volume.name,
            driver: volume.driver,
            mountpoint: volume.mountpoint,
            anonymous: volume.anonymous,
            created: volume.created_at.as_second().max(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_known_by_its_name() {
        let row = VolumeRow::from(Volume { name: "data".into(), ..Volume::default() });
        assert_eq!((row.key().as_str(), row.driver.as_str(), row.created), ("data", "local", 0));
    }
}
