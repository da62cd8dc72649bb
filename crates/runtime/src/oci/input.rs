//! What the engine hands over for a container's configuration.

use std::path::{Path, PathBuf};

use cove_api::Mount;

use super::host::HostFacts;
use super::settings::Settings;
use crate::cgroup::CgroupMode;
use crate::user::ResolvedUser;

/// Which namespace of a kind a container gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NamespaceTarget {
    /// A new one.
    #[default]
    Private,
    /// The engine's own.
    Host,
    /// An existing one, by path (`/proc/PID/ns/pid`, `/run/netns/NAME`).
    Path(PathBuf),
}

impl NamespaceTarget {
    /// Whether it is the engine's own.
    #[must_use]
    pub fn is_host(&self) -> bool {
        *self == Self::Host
    }
}

/// The namespaces of a container; the mount namespace is always new.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named after the kinds in namespaces(7)")]
pub struct Namespaces {
    pub pid: NamespaceTarget,
    pub network: NamespaceTarget,
    pub ipc: NamespaceTarget,
    pub uts: NamespaceTarget,
    pub cgroup: NamespaceTarget,
    /// `Host` also for rootless containers without a further user namespace of their own.
    pub user: NamespaceTarget,
}

impl Default for Namespaces {
    fn default() -> Self {
        let private = NamespaceTarget::Private;
        Self {
            pid: private.clone(),
            network: private.clone(),
            ipc: private.clone(),
            uts: private.clone(),
            cgroup: private,
            user: NamespaceTarget::Host,
        }
    }
}

/// A range of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdMapping {
    /// First id in the container.
    pub container_id: u32,
    /// First id in the engine's namespace.
    pub host_id: u32,
    /// How many.
    pub size: u32,
}

/// What `/dev/shm` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShmSource {
    /// A tmpfs of its own.
    Private,
    /// The host's.
    Host,
    /// A directory to bind: the shared memory of a pod or of another container.
    Bind(PathBuf),
    /// A plain directory of `/dev` (`--ipc=none`).
    None,
}

/// Everything that a container's OCI configuration is made from.
#[derive(Clone, Debug)]
pub struct SpecInput<'a> {
    /// Full id.
    pub id: &'a str,
    /// Capabilities, security options, devices, limits, sysctls, masks.
    pub settings: &'a Settings,
    /// Mounted root file system.
    pub rootfs: &'a Path,
    /// Command and arguments, as resolved from image and spec.
    pub args: Vec<String>,
    /// Working directory.
    pub cwd: String,
    /// Environment, `NAME=value`.
    pub env: Vec<String>,
    /// Hostname of a private UTS namespace.
    pub hostname: String,
    /// See [`crate::user::resolve_user`].
    pub user: ResolvedUser,
    /// Namespaces.
    pub namespaces: Namespaces,
    /// Id mappings of a private user namespace: users, groups.
    pub id_mappings: Option<(Vec<IdMapping>, Vec<IdMapping>)>,
    /// The user namespace owns the network namespace, so that its part of `/sys` can be mounted.
    pub owns_network: bool,
    /// What `/dev/shm` is.
    pub shm: ShmSource,
    /// Mounts besides the defaults: binds made by the engine (`/etc/hosts`, …), volumes, and the spec's mounts.
    pub mounts: Vec<Mount>,
    /// `catatonit` or another init, where the spec asks for one.
    pub init_path: Option<PathBuf>,
    /// How cgroups are managed.
    pub cgroup: &'a CgroupMode,
    /// What the machine is like.
    pub host: &'a HostFacts,
}
