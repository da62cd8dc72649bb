//! Whose namespaces a container has.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Whose namespaces a container has. Its mount namespace is its own, its network is [`NetworkMode`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Namespaces {
    /// Processes.
    pub(crate) pid: NamespaceMode,
    /// Host name.
    pub(crate) uts: NamespaceMode,
    /// The tree of cgroups it sees.
    pub(crate) cgroup: NamespaceMode,
    /// Shared memory and message queues.
    pub(crate) ipc: IpcMode,
}

/// Whose namespace of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NamespaceMode {
    /// Its own.
    #[default]
    Private,
    /// The host's.
    Host,
    /// Another container's (its id).
    Container(String),
    /// The one at a path.
    Path(PathBuf),
}

/// Whose user namespace, and what its ids are in the engine's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UserNamespace {
    /// Whose.
    pub(crate) mode: NamespaceMode,
    /// Users; without any they are the engine's.
    pub(crate) users: Vec<IdRange>,
    /// Groups, as the users.
    pub(crate) groups: Vec<IdRange>,
    /// The engine has chosen ids that nobody else has.
    pub(crate) automatic: bool,
}

impl Default for UserNamespace {
    /// The engine's own.
    fn default() -> Self {
        Self { mode: NamespaceMode::Host, users: Vec::new(), groups: Vec::new(), automatic: false }
    }
}

impl UserNamespace {
    /// User and group in the engine's namespace.
    pub(crate) fn to_host(&self, uid: u32, gid: u32) -> cove_api::Result<(u32, u32)> {
        let find = |ranges: &[IdRange], id: u32, kind: &str| {
            if ranges.is_empty() {
                return Ok(id);
            }
            let found = ranges.iter().find_map(|range| {
                let offset = id.checked_sub(range.container).filter(|offset| *offset < range.size)?;
                range.host.checked_add(offset)
            });
            found.ok_or_else(|| {
                cove_api::Error::invalid(format!(
                    "{kind} {id} is not mapped in the container's user namespace"
                ))
            })
        };
        Ok((find(&self.users, uid, "user")?, find(&self.groups, gid, "group")?))
    }
}

/// A range of ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct IdRange {
    /// First id in the container.
    pub(crate) container: u32,
    /// First id in the engine's namespace.
    pub(crate) host: u32,
    /// How many.
    pub(crate) size: u32,
}

impl IdRange {
    /// As the store has it.
    pub(crate) fn stored(self) -> cove_storage::IdMap {
        cove_storage::IdMap { container_id: self.container, host_id: self.host, size: self.size }
    }

    /// As the OCI configuration has it.
    pub(crate) fn mapping(self) -> cove_runtime::oci::IdMapping {
        cove_runtime::oci::IdMapping { container_id: self.container, host_id: self.host, size: self.size }
    }
}

impl std::fmt::Display for IdRange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}:{}", self.container, self.host, self.size)
    }
}

/// Whose shared memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IpcMode {
    /// Its own.
    #[default]
    Private,
    /// Its own, which other containers may join.
    Shareable,
    /// Its own, without `/dev/shm`.
    None,
    /// The host's.
    Host,
    /// Another container's (its id).
    Container(String),
    /// The one at a path.
    Path(PathBuf),
}

/// How a container is networked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NetworkMode {
    /// Its own namespace on networks.
    #[default]
    Bridge,
    /// Its own namespace, and nothing in it but the loopback.
    None,
    /// The host's namespace.
    Host,
    /// Another container's (its id).
    Container(String),
    /// The namespace at a path.
    Path(String),
    /// Its own, connected by pasta, or by slirp4netns where there is no pasta.
    Userland,
    /// Its own, connected by pasta.
    Pasta,
    /// Its own, connected by slirp4netns.
    Slirp,
    /// Its own, which the user sets up.
    Private,
}

impl NetworkMode {
    /// A program in user space connects it.
    pub(crate) fn is_userland(&self) -> bool {
        matches!(self, Self::Userland | Self::Pasta | Self::Slirp)
    }

    /// It has a network namespace that is made and removed with each run.
    pub(crate) fn has_own_namespace(&self) -> bool {
        matches!(self, Self::Bridge | Self::Private) || self.is_userland()
    }
}
