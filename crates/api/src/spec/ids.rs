//! Mappings of ids.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Mappings of ids, as containers/storage has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are containers/storage's")]
pub struct IdMappings {
    #[serde(rename = "HostUIDMapping")]
    pub host_uid_mapping: bool,
    #[serde(rename = "HostGIDMapping")]
    pub host_gid_mapping: bool,
    #[serde(rename = "UIDMap")]
    pub uid_map: Vec<IdMap>,
    #[serde(rename = "GIDMap")]
    pub gid_map: Vec<IdMap>,
    #[serde(rename = "AutoUserNs")]
    pub auto_user_ns: bool,
    #[serde(rename = "AutoUserNsOpts")]
    pub auto_user_ns_options: AutoUserNsOptions,
}

/// One range of ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are containers/storage's")]
pub struct IdMap {
    pub container_id: i64,
    pub host_id: i64,
    pub size: i64,
}

/// How a range is chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are containers/storage's")]
pub struct AutoUserNsOptions {
    pub size: u32,
    pub initial_size: u32,
    pub passwd_file: String,
    pub group_file: String,
    #[serde(rename = "AdditionalUIDMappings")]
    pub additional_uid_mappings: Vec<IdMap>,
    #[serde(rename = "AdditionalGIDMappings")]
    pub additional_gid_mappings: Vec<IdMap>,
}
