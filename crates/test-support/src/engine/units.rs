//! Services of systemd.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cove_api::*;

use super::FakeEngine;

#[async_trait]
impl Units for FakeEngine {
    async fn systemd(&self, name: &str, options: SystemdUnitOptions) -> Result<BTreeMap<String, String>> {
        self.note(name, format!("units of {name} {options:?}"))?;
        Ok(BTreeMap::from([(format!("container-{name}"), "[Service]\n".to_owned())]))
    }
    async fn spec(&self, _: &str, _: bool) -> Result<serde_json::Value> {
        Err(Error::unsupported("no requests here"))
    }
    async fn auto_update(&self, _: AutoUpdateOptions) -> Result<ValueStream<Progress<AutoUpdateOutcome>>> {
        Err(Error::unsupported("no systemd here"))
    }
}
