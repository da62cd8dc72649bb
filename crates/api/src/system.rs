//! The engine itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the libpod API that is served, and whose types are here.
pub const LIBPOD_API_VERSION: &str = "5.0.0";
/// The version of Docker's API that is served.
pub const DOCKER_API_VERSION: &str = "1.44";
/// The oldest version of Docker's API whose clients are served.
pub const DOCKER_MIN_API_VERSION: &str = "1.24";

/// What `version` tells of one side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct Version {
    #[serde(rename = "APIVersion")]
    pub api_version: String,
    pub version: String,
    /// The compiler; the name is Podman's.
    pub go_version: String,
    pub git_commit: String,
    pub built_time: String,
    /// Seconds since the epoch.
    pub built: i64,
    #[serde(rename = "BuildOrigin")]
    pub build_origin: String,
    /// `linux/amd64`.
    pub os_arch: String,
    pub os: String,
}

/// What `info` tells. JSON: libpod's `Info`; kept as an ordered document because only people and `--format` read it,
/// but for the few facts that programs decide on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Info {
    /// `arch`, `cgroupManager`, `cgroupVersion`, `cpus`, `distribution`, `kernel`, `memTotal`, `ociRuntime`,
    /// `security`, …
    pub host: serde_json::Map<String, serde_json::Value>,
    /// `containerStore`, `graphDriverName`, `graphRoot`, `imageStore`, `runRoot`, `volumePath`, …
    pub store: serde_json::Map<String, serde_json::Value>,
    /// Registries to search and their settings.
    pub registries: serde_json::Map<String, serde_json::Value>,
    /// Drivers of volumes, networks and logs.
    pub plugins: serde_json::Map<String, serde_json::Value>,
    /// The engine's version.
    pub version: Version,
}

/// What `ping` tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ping {
    /// Version of the libpod API.
    pub libpod_api_version: String,
    /// Version of the Docker API.
    pub api_version: String,
}
