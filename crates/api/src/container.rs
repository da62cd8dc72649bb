//! Options, rows and reports of containers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::wire::query;
use crate::{Filters, InspectAdditionalNetwork, InspectMount, PortMapping, StringMap, Timestamp};

/// The life-cycle states, in Podman's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ContainerState {
    /// Known to the engine; nothing of it exists in the kernel.
    #[serde(alias = "configured")]
    Created,
    /// Mounted, networked and held by a monitor; its command not yet started.
    Initialized,
    /// Its first process runs.
    Running,
    /// Frozen.
    Paused,
    /// Asked to stop.
    Stopping,
    /// Its process has ended, not all of it is cleaned up.
    Stopped,
    /// Its process has ended and all is cleaned up.
    Exited,
    /// Being removed.
    Removing,
    /// In the store without being the engine's: another tool's, which only lists that ask for such ones show.
    Storage,
    /// A word that this version does not know, from another engine's service. Never a state of this engine.
    #[default]
    #[serde(other)]
    Unknown,
}

impl ContainerState {
    /// Every state of this engine's containers.
    pub const ALL: [Self; 8] = [
        Self::Created,
        Self::Initialized,
        Self::Running,
        Self::Paused,
        Self::Stopping,
        Self::Stopped,
        Self::Exited,
        Self::Removing,
    ];

    /// The word as Podman prints it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Initialized => "initialized",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Exited => "exited",
            Self::Removing => "removing",
            Self::Storage => "storage",
            Self::Unknown => "unknown",
        }
    }

    /// Its first process exists.
    #[must_use]
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Stopping)
    }

    /// It has run and its first process has ended: exit code and end are those of the last run.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Stopped | Self::Exited)
    }

    /// `start` makes sense.
    #[must_use]
    pub fn can_start(self) -> bool {
        self.has_ended() || matches!(self, Self::Created | Self::Initialized)
    }

    /// It can be removed without force.
    #[must_use]
    pub fn can_remove(self) -> bool {
        self.can_start() || self == Self::Removing
    }
}

impl std::fmt::Display for ContainerState {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::str::FromStr for ContainerState {
    type Err = crate::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = if text == "configured" { "created" } else { text };
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| crate::Error::invalid(format!("{text:?} is not a container state")))
    }
}

/// What `create` answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct ContainerCreateReport {
    /// The whole id.
    pub id: String,
    /// Things the user should know.
    pub warnings: Vec<String>,
}

/// Options of `stop` and `restart`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StopOptions {
    /// Seconds before SIGKILL; `None` takes the container's own.
    #[serde(alias = "t")]
    pub timeout: Option<u32>,
    /// A container that does not exist is no error.
    pub ignore: bool,
    /// Only for `restart`, and never over the wire: nobody has asked for it, so that it counts as one by the restart
    /// policy.
    #[serde(skip)]
    pub counted: bool,
}

/// Options of `remove`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RemoveOptions {
    /// Stop (SIGKILL after `timeout`) and remove even a running container.
    pub force: bool,
    /// Also remove its anonymous volumes.
    #[serde(rename = "v", alias = "volumes")]
    pub volumes: bool,
    /// Seconds before SIGKILL with `force`; `None` takes the container's own.
    pub timeout: Option<u32>,
    /// Also remove the containers that depend on it.
    pub depend: bool,
    /// A container that does not exist is no error.
    pub ignore: bool,
}

/// Options of `list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListOptions {
    /// Also those that do not run.
    pub all: bool,
    /// Only the newest so many (whatever their state).
    #[serde(rename = "limit", alias = "last", deserialize_with = "positive")]
    #[schemars(with = "Option<i64>")]
    pub last: Option<usize>,
    /// Compute sizes (slow).
    pub size: bool,
    /// Fill [`ContainerSummary::namespaces`].
    #[serde(rename = "namespace")]
    pub namespaces: bool,
    /// Ask the kernel about each container instead of believing the state database.
    pub sync: bool,
    /// Fill [`ContainerSummary::details`]. Cove's own.
    pub details: bool,
    /// Also containers that other tools keep in the store.
    pub external: bool,
    /// `ancestor`, `before`, `exited`, `health`, `id`, `label`, `label!`, `name`, `network`, `pod`, `since`,
    /// `status`, `until`, `volume`, `restart-policy`, `command`.
    #[serde(deserialize_with = "query::filters")]
    pub filters: Filters,
}

/// A number of rows; nothing and less than nothing are all of them, which clients write as -1.
fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let number = Option::<i64>::deserialize(deserializer)?;
    Ok(number.and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0))
}

/// A row of `ps`. JSON: libpod's `ListContainer`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are libpod's; the ones that are not plain have a comment")]
pub struct ContainerSummary {
    pub auto_remove: bool,
    pub command: Vec<String>,
    pub created: Timestamp,
    /// Human-readable age; the command line computes its own.
    pub created_at: String,
    #[serde(rename = "CIDFile")]
    pub cid_file: String,
    pub exited: bool,
    /// Seconds since the epoch.
    pub exited_at: i64,
    pub exit_code: i32,
    pub exposed_ports: BTreeMap<u16, Vec<String>>,
    pub id: String,
    pub image: String,
    #[serde(rename = "ImageID")]
    pub image_id: String,
    pub is_infra: bool,
    pub labels: StringMap,
    /// Destinations of the user's mounts.
    pub mounts: Vec<String>,
    pub names: Vec<String>,
    pub namespaces: ContainerNamespaces,
    pub networks: Vec<String>,
    pub pid: i32,
    pub pod: String,
    pub pod_name: String,
    pub ports: Vec<PortMapping>,
    pub restarts: u32,
    pub size: Option<ContainerSize>,
    /// Seconds since the epoch.
    pub started_at: i64,
    pub state: ContainerState,
    pub status: String,
    /// What [`ListOptions::details`] asks for. Cove's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<ContainerDetails>,
}

impl Default for ContainerSummary {
    fn default() -> Self {
        Self {
            auto_remove: false,
            command: Vec::new(),
            created: crate::zero_time(),
            created_at: String::new(),
            cid_file: String::new(),
            exited: false,
            exited_at: 0,
            exit_code: 0,
            exposed_ports: BTreeMap::new(),
            id: String::new(),
            image: String::new(),
            image_id: String::new(),
            is_infra: false,
            labels: BTreeMap::new(),
            mounts: Vec::new(),
            names: Vec::new(),
            namespaces: ContainerNamespaces::default(),
            networks: Vec::new(),
            pid: 0,
            pod: String::new(),
            pod_name: String::new(),
            ports: Vec::new(),
            restarts: 0,
            size: None,
            started_at: 0,
            state: ContainerState::default(),
            status: String::new(),
            details: None,
        }
    }
}

/// What a container is connected with, as `inspect` tells it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct ContainerDetails {
    /// Whose network it has.
    pub network_mode: String,
    /// The networks by name.
    pub networks: BTreeMap<String, InspectAdditionalNetwork>,
    /// What is mounted at the user's wish.
    pub mounts: Vec<InspectMount>,
}

/// The namespaces of a container's first process (inode numbers as text).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the seven kinds of namespace")]
pub struct ContainerNamespaces {
    #[serde(rename = "Mnt", skip_serializing_if = "String::is_empty")]
    pub mnt: String,
    #[serde(rename = "Cgroup", skip_serializing_if = "String::is_empty")]
    pub cgroup: String,
    #[serde(rename = "Ipc", skip_serializing_if = "String::is_empty")]
    pub ipc: String,
    #[serde(rename = "Net", skip_serializing_if = "String::is_empty")]
    pub net: String,
    #[serde(rename = "Pidns", skip_serializing_if = "String::is_empty")]
    pub pid: String,
    #[serde(rename = "Uts", skip_serializing_if = "String::is_empty")]
    pub uts: String,
    #[serde(rename = "User", skip_serializing_if = "String::is_empty")]
    pub user: String,
}

/// Disk use of a container, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ContainerSize {
    /// Image and changes together.
    #[serde(rename = "rootFsSize")]
    pub root_fs: i64,
    /// The changes alone.
    #[serde(rename = "rwSize")]
    pub rw: i64,
}

/// The result for one container of a multi-target request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ContainerRemoveReport {
    /// The container's id.
    #[serde(rename = "Id")]
    pub id: String,
    /// Why it could not be removed.
    #[serde(rename = "Err", skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Options of `logs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LogOptions {
    /// Go on with new lines until the container ends.
    pub follow: bool,
    /// Only the last so many lines; on the wire also `all`.
    #[serde(deserialize_with = "tail")]
    #[schemars(with = "Option<String>")]
    pub tail: Option<u64>,
    /// Only lines from that moment on; on the wire also seconds since 1970, or a span before now.
    #[serde(deserialize_with = "query::since")]
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// Only lines up to that moment; on the wire likewise, a span being after now.
    #[serde(deserialize_with = "query::until")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// Standard output is wanted.
    pub stdout: bool,
    /// Standard error is wanted.
    pub stderr: bool,
}

impl LogOptions {
    /// That something is asked for.
    ///
    /// # Errors
    /// Neither of the two streams is.
    pub fn check(&self) -> crate::Result<()> {
        if self.stdout || self.stderr {
            return Ok(());
        }
        Err(crate::Error::invalid("at least one of stdout and stderr must be asked for"))
    }
}

/// A number of lines; `all` and less than nothing are all of them.
fn tail<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
    if text.is_empty() || text == "all" {
        return Ok(None);
    }
    match text.parse::<i64>() {
        Ok(number) => Ok(u64::try_from(number).ok()),
        Err(_) => Err(D::Error::custom(format!("{text:?} is neither a number of lines nor \"all\""))),
    }
}

/// One line (or the part of a line) of a container's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub time: Timestamp,
    /// Which stream it came from.
    pub stream: crate::OutputStream,
    /// The bytes without the line end.
    pub data: bytes::Bytes,
    /// True where the line goes on in the next entry (no line end here).
    pub partial: bool,
}

/// Options of `attach`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AttachOptions {
    /// Send input.
    #[serde(default = "yes")]
    pub stdin: bool,
    /// Receive standard output.
    #[serde(default = "yes")]
    pub stdout: bool,
    /// Receive standard error.
    #[serde(default = "yes")]
    pub stderr: bool,
    /// First replay what the log holds.
    pub logs: bool,
    /// The keys that end the session on the server's side (Docker clients leave this to the server); `None`: the
    /// caller looks for them itself.
    #[serde(rename = "detachKeys")]
    pub detach_keys: Option<String>,
    /// Only to a process that runs; otherwise an error, in place of waiting for the next start.
    pub running: bool,
}

/// What the service takes where a request does not say it.
fn yes() -> bool {
    true
}

/// Size of a terminal, in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TerminalSize {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// What `top` answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct TopReport {
    /// Column heads.
    pub titles: Vec<String>,
    /// A list of cells per process.
    pub processes: Vec<Vec<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states() {
        for state in ContainerState::ALL {
            assert_eq!(state.as_str().parse::<ContainerState>().unwrap(), state);
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert!(!(state.is_alive() && (state.can_start() || state.can_remove())), "{state}");
        }
        let row = |text: &str| serde_json::from_str::<ContainerSummary>(text).unwrap().state;
        assert_eq!(row(r#"{"State":"paused"}"#), ContainerState::Paused);
        assert_eq!(row(r#"{"State":"configured"}"#), ContainerState::Created);
        for foreign in [r#"{"State":"unknown"}"#, r#"{"State":"dead"}"#, r#"{"State":""}"#, "{}"] {
            assert_eq!(row(foreign), ContainerState::Unknown, "{foreign}");
        }
        assert!("dead".parse::<ContainerState>().is_err());
    }
}
