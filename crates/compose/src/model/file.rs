//! Secrets and configs: what they are, and where services have them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::absent::model;
use super::{Extensions, FileMode};

model! {
    /// A secret or config that a service (or its build) mounts.
    pub struct FileReference {
        /// The key of the project's secret or config.
        pub source: String,
        /// Where it is in the container.
        pub target: String,
        /// Its owner.
        pub uid: String,
        /// Its group.
        pub gid: String,
        /// Its permissions.
        pub mode: Option<FileMode>,
    }
}

/// A secret or config of the project.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Content {
    /// The engine's name of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The file that has it, absolute.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// The variable that has it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub environment: String,
    /// The text itself, as the file has it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub content: String,
    /// Whether it exists already and is none of the project's.
    #[serde(skip_serializing_if = "is_false")]
    pub external: bool,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The driver that keeps it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// The driver's options.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub driver_opts: BTreeMap<String, String>,
    /// The driver that fills it in.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub template_driver: String,
    /// Extensions, `x-…`.
    #[serde(rename = "#extensions", skip_serializing_if = "BTreeMap::is_empty")]
    pub extensions: Extensions,
    /// What [`Self::environment`] holds, where the variable is set. Never written.
    #[serde(skip)]
    pub value: Option<String>,
}

fn is_false(value: &bool) -> bool {
    !value
}
