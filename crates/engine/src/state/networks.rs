//! The networks of a container, the one part of its configuration that changes while it lives.

use rusqlite::params;

use super::record::ContainerConfig;
use super::{Database, StateError};

impl Database {
    /// Writes a configuration whose networks have changed.
    pub(crate) fn save_networks(&self, id: &str, config: &ContainerConfig) -> Result<(), StateError> {
        let text = serde_json::to_string(config)
            .map_err(|source| StateError::Record { what: format!("container {id}"), source })?;
        self.transaction(true, |transaction| {
            let run = || -> rusqlite::Result<()> {
                transaction.execute("UPDATE containers SET config = ?2 WHERE id = ?1", params![id, text])?;
                transaction.execute("DELETE FROM container_networks WHERE container = ?1", [id])?;
                for network in config.networks.keys() {
                    transaction.execute(
                        "INSERT INTO container_networks (container, network) VALUES (?1, ?2)",
                        [id, network],
                    )?;
                }
                Ok(())
            };
            run().map_err(|error| self.error(error))
        })
    }
}
