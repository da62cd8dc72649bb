//! Services of systemd that are written for what exists, and containers that they run anew.

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

/// How containers are updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoUpdateOptions {
    /// Only says what would be updated.
    pub dry_run: bool,
    /// Gives the image's name back to the former one where a unit does not start with the new one, and starts it with
    /// that.
    pub rollback: bool,
    /// The file with credentials, where a container names none of its own.
    pub auth_file: Option<String>,
    /// As in [`crate::RegistryAccess`].
    pub tls_verify: Option<bool>,
}

/// What became of an update, and what failed in it.
#[derive(Debug, Clone, Default)]
pub struct AutoUpdateOutcome {
    /// Each container that is updated by itself, by their units.
    pub reports: Vec<AutoUpdateReport>,
    /// What failed; no container keeps another from being updated.
    pub errors: Vec<crate::Error>,
}

/// What became of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoUpdateReport {
    /// The unit that runs it.
    pub unit: String,
    /// Its id before the update.
    pub container_id: String,
    /// Its name.
    pub container_name: String,
    /// The name of its image.
    pub image: String,
    /// Where a newer image comes from: `registry` or `local`.
    pub policy: String,
    /// Whether it was updated.
    pub updated: AutoUpdateStatus,
}

/// Whether a container was updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoUpdateStatus {
    /// It runs the new image.
    True,
    /// There is none.
    False,
    /// There is one, which was not to be used.
    Pending,
    /// It could not be looked for, pulled or started.
    Failed,
    /// The unit did not start with it and runs the former one.
    RolledBack,
}

impl AutoUpdateStatus {
    /// As it is shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::False => "false",
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::RolledBack => "rolled back",
        }
    }
}
