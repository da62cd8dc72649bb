//! `/generate/{name}/systemd`.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::body::Json;
use super::declare::{Endpoint, get};
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::{Result, SystemdUnitOptions, Units};

const SYSTEMD: Endpoint<String, SystemdUnitOptions, (), Json<BTreeMap<String, String>>> =
    get("/generate/{name}/systemd", "Units of systemd for a container or pod");

pub(super) fn serve(routes: &mut impl Routes) {
    routes.add(SYSTEMD, |engine, Call { path: name, parameters, .. }| async move {
        engine.units().systemd(&name, parameters).await.map(Json)
    });
}

#[async_trait]
impl<T: Transport + 'static> Units for Remote<T> {
    async fn systemd(&self, name: &str, options: SystemdUnitOptions) -> Result<BTreeMap<String, String>> {
        self.call(SYSTEMD, name, options, ()).await.map(|Json(units)| units)
    }
}
