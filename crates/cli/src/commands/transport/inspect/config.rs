//! The configuration of an image in the order and with the names of OCI's document, whichever family it is of.

use std::collections::BTreeMap;

use cove_api::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::command_error::CommandError;

/// The configuration, as far as OCI knows it.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Config {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<Timestamp>,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    author: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) architecture: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) os: String,
    #[serde(
        rename = "os.version",
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    os_version: String,
    #[serde(rename = "os.features", skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    os_features: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    variant: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) config: Run,
    #[serde(deserialize_with = "or_default")]
    rootfs: RootFs,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    history: Vec<Step>,
    /// Docker's own, which the summary shows.
    #[serde(skip_serializing, deserialize_with = "or_default")]
    pub(super) docker_version: String,
}

/// How it is run.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Run {
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    user: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    exposed_ports: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "is_empty")]
    pub(super) env: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    entrypoint: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    cmd: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    volumes: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    working_dir: String,
    #[serde(skip_serializing_if = "is_empty")]
    pub(super) labels: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    stop_signal: String,
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "or_default")]
    args_escaped: bool,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct RootFs {
    #[serde(deserialize_with = "or_default")]
    r#type: String,
    #[serde(deserialize_with = "or_default")]
    diff_ids: Vec<String>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Step {
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    created_by: String,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    author: String,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    comment: String,
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "or_default")]
    empty_layer: bool,
}

#[allow(clippy::ref_option, reason = "serde's signature")]
fn is_empty<T>(value: &Option<T>) -> bool
where
    for<'a> &'a T: IntoIterator,
{
    value.as_ref().is_none_or(|all| all.into_iter().next().is_none())
}

fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

impl Config {
    /// Reads one of either family.
    pub(super) fn parse(data: &[u8]) -> Result<Self, CommandError> {
        let invalid =
            |error: serde_json::Error| CommandError::other(format!("invalid image configuration: {error}"));
        // A list is no object, though a struct may be read from one.
        let members: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(data).map_err(invalid)?;
        serde_json::from_value(members.into()).map_err(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_s_document_is_shown_as_oci_s() {
        let text = r#"{"architecture":"amd64","container":"x","docker_version":"20","os":"linux",
            "config":{"Cmd":["sh"],"Hostname":"h","Volumes":null,"Labels":{},"Env":["A=b"]},
            "history":[{"created_by":"sh","empty_layer":true}],"rootfs":{"type":"layers","diff_ids":["sha256:1"]}}"#;
        let config = Config::parse(text.as_bytes()).unwrap();
        assert_eq!(config.docker_version, "20");
        let shown = serde_json::to_string(&config).unwrap();
        assert_eq!(
            shown,
            r#"{"architecture":"amd64","os":"linux","config":{"Env":["A=b"],"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":["sha256:1"]},"history":[{"created_by":"sh","empty_layer":true}]}"#
        );
        assert!(Config::parse(b"[]").is_err());
    }
}
