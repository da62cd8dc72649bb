//! Volumes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::{is_zero, query};
use crate::{Filters, StringMap, Timestamp};

/// Options of `create`. JSON: libpod's body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct VolumeCreateOptions {
    /// Empty makes a random name.
    pub name: String,
    /// `local`, `image` or empty.
    pub driver: String,
    /// Labels.
    #[serde(alias = "Label")]
    pub labels: StringMap,
    /// Driver options (`type`, `device`, `o`; `image`).
    pub options: StringMap,
    /// Who owns it; the first container that mounts it, where this is not said.
    #[serde(rename = "UID", skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Its owner's group, likewise.
    #[serde(rename = "GID", skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// An existing volume of that name is no error.
    pub ignore_if_exists: bool,
}

/// A volume. JSON: libpod's `InspectVolumeData`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct Volume {
    pub name: String,
    pub driver: String,
    pub mountpoint: String,
    pub created_at: Timestamp,
    pub labels: StringMap,
    pub scope: String,
    pub options: StringMap,
    #[serde(rename = "UID", skip_serializing_if = "is_zero")]
    pub uid: u32,
    #[serde(rename = "GID", skip_serializing_if = "is_zero")]
    pub gid: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub anonymous: bool,
    pub mount_count: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub needs_copy_up: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub needs_chown: bool,
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: u32,
    #[serde(rename = "StorageID", skip_serializing_if = "String::is_empty")]
    pub storage_id: String,
}

impl Default for Volume {
    fn default() -> Self {
        Self {
            name: String::new(),
            driver: "local".into(),
            mountpoint: String::new(),
            created_at: crate::zero_time(),
            labels: StringMap::new(),
            scope: "local".into(),
            options: StringMap::new(),
            uid: 0,
            gid: 0,
            anonymous: false,
            mount_count: 0,
            needs_copy_up: false,
            needs_chown: false,
            timeout: 0,
            storage_id: String::new(),
        }
    }
}

/// Options of `list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct VolumeListOptions {
    /// `dangling`, `driver`, `label`, `label!`, `name`, `opt`, `scope`, `since`, `until`, `anonymous`.
    #[serde(deserialize_with = "query::filters")]
    pub filters: Filters,
}

/// Options of pruning volumes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct VolumePruneOptions {
    /// Only say what would go.
    #[serde(rename = "dryrun")]
    pub dry_run: bool,
    /// Those of the list, and `all`: those with names, too.
    #[serde(deserialize_with = "query::filters")]
    pub filters: Filters,
}

/// Options of `remove`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct VolumeRemoveOptions {
    /// Also remove the containers that use it.
    pub force: bool,
    /// Seconds before SIGKILL for those containers.
    pub timeout: Option<u32>,
}
