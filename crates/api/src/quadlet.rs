//! Unit files of Quadlet, which become services of systemd.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::query;
use crate::{ByteStream, Filters, Result};

/// A file to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuadletFile {
    /// Its name.
    pub name: String,
    /// What it says.
    pub data: Bytes,
}

/// What is to be installed: a unit, and files that belong to it.
pub enum QuadletUpload {
    /// Files.
    Files(Vec<QuadletFile>),
    /// A tar.
    Archive(ByteStream),
}

impl std::fmt::Debug for QuadletUpload {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Files(files) => formatter.debug_tuple("Files").field(files).finish(),
            Self::Archive(_) => formatter.write_str("Archive(…)"),
        }
    }
}

/// Most bytes of all files that are installed at once.
pub const MAX_QUADLET_UPLOAD: usize = 64 << 20;

/// Options of `install`. JSON: libpod's parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct QuadletInstallOptions {
    /// Files that are there are replaced.
    pub replace: bool,
    /// systemd reads its units again.
    #[serde(rename = "reload-systemd")]
    pub reload_systemd: bool,
    /// What the files belong to, such as `web` of the list `.web.app`; there may be several units then. Empty is the
    /// one unit. Cove's own.
    pub application: String,
}

impl Default for QuadletInstallOptions {
    fn default() -> Self {
        Self { replace: false, reload_systemd: true, application: String::new() }
    }
}

/// What `install` did. JSON: libpod's report, in which errors are texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct QuadletInstallReport {
    /// Where each file is now, by its name.
    pub installed_quadlets: BTreeMap<String, String>,
    /// Why each other is not there.
    pub quadlet_errors: BTreeMap<String, String>,
}

/// Options of `list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct QuadletListOptions {
    /// `name`, `status`, `pod`: regular expressions.
    #[serde(deserialize_with = "query::filters")]
    pub filters: Filters,
}

/// A unit file. JSON: libpod's `ListQuadlet`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct QuadletSummary {
    /// Its name.
    pub name: String,
    /// The service that it becomes; empty where it cannot be read.
    pub unit_name: String,
    /// Where it is.
    pub path: String,
    /// What systemd says of its service, or why it cannot be read.
    pub status: String,
    /// The list of the application that it belongs to, such as `.web.app`.
    pub app: String,
    /// The unit of the pod that it is in.
    pub pod: String,
}

/// What `remove` is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct QuadletSelection {
    /// All units.
    pub all: bool,
    /// Units, and applications as the list shows them.
    pub quadlets: Vec<String>,
}

/// Options of `remove`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct QuadletRemoveOptions {
    /// Services that run are stopped.
    pub force: bool,
    /// What is missing is no error.
    pub ignore: bool,
    /// systemd reads its units again.
    #[serde(rename = "reload-systemd")]
    pub reload_systemd: bool,
}

impl Default for QuadletRemoveOptions {
    fn default() -> Self {
        Self { force: false, ignore: false, reload_systemd: true }
    }
}

/// What `remove` did. JSON: libpod's report, in which errors are texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct QuadletRemoveReport {
    /// The units that are gone, and by the options those that were not there.
    pub removed: Vec<String>,
    /// Why each other is still there.
    pub errors: BTreeMap<String, String>,
}

/// Unit files of Quadlet: those of whose engine it is. A `name` is a file's, such as `web.container`.
#[async_trait]
pub trait Quadlets: Send + Sync {
    /// Installs a unit with files that belong to it, going on past errors.
    async fn install(
        &self,
        upload: QuadletUpload,
        options: QuadletInstallOptions,
    ) -> Result<QuadletInstallReport>;
    /// Lists them, those first that count where there are several of a name.
    async fn list(&self, options: QuadletListOptions) -> Result<Vec<QuadletSummary>>;
    /// What one says.
    async fn print(&self, name: &str) -> Result<Bytes>;
    /// Whether it exists.
    async fn exists(&self, name: &str) -> Result<bool>;
    /// Removes units with all of their applications, going on past errors.
    async fn remove(
        &self,
        selection: QuadletSelection,
        options: QuadletRemoveOptions,
    ) -> Result<QuadletRemoveReport>;
}
