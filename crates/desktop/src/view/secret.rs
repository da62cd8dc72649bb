//! Secrets, without their data.

use async_trait::async_trait;
use cove_api::{Engine, Result, Secret, SecretInspectOptions, SecretListOptions};
use serde::{Deserialize, Serialize};

use super::description::{Description, json, pairs};
use crate::Failure;
use crate::collection::Row;
use crate::kinds::Listed;

/// A row of the list of secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SecretRow {
    /// The whole id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who keeps the data: `file`, `pass`, `shell`.
    pub driver: String,
    /// Seconds since the epoch; 0 where the engine does not tell.
    pub created: i64,
    /// When it got its present data, in seconds since the epoch.
    pub updated: i64,
}

impl Row for SecretRow {
    type Key = String;
    fn key(&self) -> &String {
        &self.id
    }
}

#[async_trait]
impl Listed for SecretRow {
    const EVENTS: &'static str = "secret";

    async fn list(engine: &dyn Engine) -> Result<Vec<Self>> {
        let list = engine.secrets().list(SecretListOptions::default()).await?;
        Ok(list.into_iter().map(Into::into).collect())
    }

    async fn remove(engine: &dyn Engine, id: &str, _force: bool) -> std::result::Result<(), Failure> {
        Ok(engine.secrets().remove(id).await?)
    }

    async fn describe(engine: &dyn Engine, id: &str) -> std::result::Result<Description, Failure> {
        let secret = engine.secrets().inspect(id, SecretInspectOptions { showsecret: false }).await?;
        let json = json(&secret);
        Ok(Description {
            containers: Vec::new(),
            labels: pairs(secret.spec.labels),
            options: pairs(secret.spec.driver.options),
            json,
        })
    }
}

impl From<Secret> for SecretRow {
    fn from(secret: Secret) -> Self {
        Self {
            id: secret.id,
            name: secret.spec.name,
            driver: secret.spec.driver.name,
            created: secret.created_at.as_second().max(0),
            updated: secret.updated_at.as_second().max(0),
        }
    }
}
