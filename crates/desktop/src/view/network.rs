//! Networks.

use async_trait::async_trait;
use cove_api::{Engine, Network, NetworkListOptions, Result};
use serde::{Deserialize, Serialize};

use super::description::{Description, ObjectName, json, pairs};
use crate::Failure;
use crate::collection::Row;
use crate::kinds::Listed;

/// A row of the list of networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct NetworkRow {
    /// The whole id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `bridge`, `macvlan`, …
    pub driver: String,
    /// `10.89.0.0/24`.
    pub subnets: Vec<String>,
    /// Whether it has no way out.
    pub internal: bool,
    /// Seconds since the epoch; 0 where the engine does not tell.
    pub created: i64,
}

impl Row for NetworkRow {
    type Key = String;
    fn key(&self) -> &String {
        &self.id
    }
}

#[async_trait]
impl Listed for NetworkRow {
    const EVENTS: &'static str = "network";

    async fn list(engine: &dyn Engine) -> Result<Vec<Self>> {
        let list = engine.networks().list(NetworkListOptions::default()).await?;
        Ok(list.into_iter().map(Into::into).collect())
    }

    async fn remove(engine: &dyn Engine, id: &str, force: bool) -> std::result::Result<(), Failure> {
        Ok(engine.networks().remove(id, force).await?)
    }

    async fn describe(engine: &dyn Engine, id: &str) -> std::result::Result<Description, Failure> {
        let inspect = engine.networks().inspect(id).await?;
        let json = json(&inspect);
        let member = |(id, member): (String, cove_api::NetworkMember)| {
            let addresses = member.interfaces.into_values().flat_map(|interface| interface.subnets);
            let note = addresses.map(|address| address.ipnet.to_string()).collect::<Vec<_>>().join(", ");
            ObjectName { id, name: member.name, note }
        };
        Ok(Description {
            containers: inspect.containers.into_iter().map(member).collect(),
            labels: pairs(inspect.network.labels),
            options: pairs(inspect.network.options),
            json,
        })
    }
}

impl From<Network> for NetworkRow {
    fn from(network: Network) -> Self {
        Self {
            id: if network.id.is_empty() { network.name.clone() } else { network.id },
            name: network.name,
            driver: network.driver,
            subnets: network.subnets.into_iter().map(|subnet| subnet.subnet.to_string()).collect(),
            internal: network.internal,
            created: network.created.as_second().max(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_without_an_id_is_known_by_its_name() {
        let row = NetworkRow::from(Network { name: "shop".into(), ..Network::default() });
        assert_eq!((row.key().as_str(), row.driver.as_str(), row.created), ("shop", "bridge", 0));
    }
}
