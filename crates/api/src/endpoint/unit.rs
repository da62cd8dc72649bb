//! `/generate/{name}/systemd`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use http::HeaderMap;
use schemars::SchemaGenerator;
use serde_json::Value;

use super::body::Json;
use super::declare::{Endpoint, get};
use super::parameters::Parameters;
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::{
    AutoUpdateOptions, AutoUpdateOutcome, Error, Progress, Result, SystemdUnitOptions, Units, ValueStream,
};

const SYSTEMD: Endpoint<String, Asked, (), Json<BTreeMap<String, String>>> =
    get("/generate/{name}/systemd", "Units of systemd for a container or pod");

/// The parameters. Parts of names may be given as empty, which elsewhere is as good as not given.
struct Asked(SystemdUnitOptions);

impl Parameters for Asked {
    fn read(query: &str, headers: &HeaderMap) -> Result<Self> {
        let mut options = SystemdUnitOptions::read(query, headers)?;
        for (name, part) in [
            ("containerPrefix", &mut options.container_prefix),
            ("podPrefix", &mut options.pod_prefix),
            ("separator", &mut options.separator),
        ] {
            if form_urlencoded::parse(query.as_bytes()).any(|(key, _)| key.eq_ignore_ascii_case(name)) {
                part.get_or_insert_with(String::new);
            }
        }
        Ok(Self(options))
    }
    fn write(&self, query: &mut String, headers: &mut HeaderMap) -> Result<()> {
        self.0.write(query, headers)
    }
    fn keys() -> Vec<&'static str> {
        SystemdUnitOptions::keys()
    }
    fn describe(schemas: &mut SchemaGenerator) -> Vec<Value> {
        SystemdUnitOptions::describe(schemas)
    }
}

pub(super) fn serve(routes: &mut impl Routes) {
    routes.add(SYSTEMD, |engine, Call { path: name, parameters: Asked(options), .. }| async move {
        engine.units().systemd(&name, options).await.map(Json)
    });
}

/// What the peers' services have no route for.
fn only_on_the_host(command: &str) -> Error {
    Error::unsupported(format!(
        "cannot use command \"{command}\" with the remote client: run it on the engine's host"
    ))
}

#[async_trait]
impl<T: Transport + 'static> Units for Remote<T> {
    async fn systemd(&self, name: &str, options: SystemdUnitOptions) -> Result<BTreeMap<String, String>> {
        self.call(SYSTEMD, name, Asked(options), ()).await.map(|Json(units)| units)
    }
    async fn spec(&self, _: &str, _: bool) -> Result<Value> {
        Err(only_on_the_host("generate spec"))
    }
    async fn auto_update(&self, _: AutoUpdateOptions) -> Result<ValueStream<Progress<AutoUpdateOutcome>>> {
        Err(only_on_the_host("auto-update"))
    }
}
