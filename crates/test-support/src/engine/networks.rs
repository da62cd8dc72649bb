//! Networks.

use async_trait::async_trait;
use cove_api::*;

use super::{FakeEngine, sample};

#[async_trait]
impl Networks for FakeEngine {
    async fn create(&self, network: Network, options: NetworkCreateOptions) -> Result<Network> {
        self.note(
            &network.name,
            format!("network create {} {options:?}", serde_json::to_string(&network).unwrap()),
        )?;
        Ok(network)
    }
    async fn list(&self, options: NetworkListOptions) -> Result<Vec<Network>> {
        self.note("", format!("networks {options:?}"))?;
        Ok(self.contents().networks.clone())
    }
    async fn inspect(&self, name: &str) -> Result<NetworkInspect> {
        self.note(name, format!("network inspect {name}"))?;
        Ok(sample::network_inspect(name))
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.note("", format!("network exists {name}"))?;
        Ok(self.contents().networks.iter().any(|row| row.name == name))
    }
    async fn remove(&self, name: &str, force: bool) -> Result<()> {
        self.note(name, format!("network remove {name} {force}"))?;
        if self.living {
            self.contents().networks.retain(|row| row.name != name && row.id != name);
            self.tell("network", "remove", name);
        }
        Ok(())
    }
    async fn connect(&self, name: &str, container: &str, options: PerNetworkOptions) -> Result<()> {
        self.note(name, format!("network connect {name} {container} {options:?}"))
    }
    async fn disconnect(&self, name: &str, container: &str, force: bool) -> Result<()> {
        self.note(name, format!("network disconnect {name} {container} {force}"))
    }
    async fn update(&self, name: &str, options: NetworkUpdateOptions) -> Result<()> {
        self.note(name, format!("network update {name} {options:?}"))
    }
    async fn reload(&self, container: &str) -> Result<()> {
        self.note(container, format!("network reload {container}"))
    }
}
