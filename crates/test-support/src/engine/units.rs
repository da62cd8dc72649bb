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
}
