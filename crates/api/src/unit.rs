//! Services of systemd that are written for what exists.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the units of a container or pod are written. JSON: libpod's parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SystemdUnitOptions {
    /// Names in place of ids.
    #[serde(rename = "useName")]
    pub use_name: bool,
    /// The unit makes the container or pod anew at each start.
    pub new: bool,
    /// Without the lines that say when and by what it was written.
    pub no_header: bool,
    /// A template, whose instances are named in the unit.
    #[serde(rename = "templateUnitFile")]
    pub template: bool,
    /// `TimeoutStartSec`; `None` leaves it to systemd.
    pub start_timeout: Option<u32>,
    /// Seconds between stop signal and SIGKILL; `None` takes the container's own.
    pub stop_timeout: Option<u32>,
    /// `Restart=`; `None` takes the container's, else `on-failure`.
    pub restart_policy: Option<String>,
    /// `RestartSec=`.
    pub restart_sec: Option<u32>,
    /// What the names of containers' units begin with; `None` is `container`.
    pub container_prefix: Option<String>,
    /// What the names of pods' units begin with; `None` is `pod`.
    pub pod_prefix: Option<String>,
    /// Between prefix and name; `None` is `-`.
    pub separator: Option<String>,
    /// `Wants=`.
    pub wants: Vec<String>,
    /// `After=`.
    pub after: Vec<String>,
    /// `Requires=`.
    pub requires: Vec<String>,
    /// `Environment=`: variables with their values.
    pub additional_env_variables: Vec<String>,
}

/// Policies of `Restart=` (systemd.service(5)).
pub const SYSTEMD_RESTART_POLICIES: [&str; 7] =
    ["no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always"];
