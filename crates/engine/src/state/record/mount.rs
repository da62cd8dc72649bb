//! What a container has mounted at the wish of its user.

use serde::{Deserialize, Serialize};

/// A mount that the user asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerMount {
    /// Absolute path in the container, without empty or relative parts.
    pub(crate) destination: String,
    /// What is mounted.
    pub(crate) kind: MountKind,
    /// Path on the host for [`MountKind::Bind`], else a name.
    pub(crate) source: String,
    /// Mount options as the user wrote them, and what podman adds to them.
    pub(crate) options: Vec<String>,
    /// Id of the image, for [`MountKind::Image`], whose name is the source.
    pub(crate) image: String,
    /// A directory in it, in place of its root.
    pub(crate) sub_path: String,
}

/// What a mount shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MountKind {
    /// A file or directory of the host.
    #[default]
    Bind,
    /// Memory.
    Tmpfs,
    /// Memory without a limit.
    Ramfs,
    /// A directory of the host below a layer that is thrown away.
    Overlay,
    /// An image.
    Image,
    /// Pseudo terminals.
    Devpts,
    /// Processes.
    Proc,
    /// Kernel objects.
    Sysfs,
    /// POSIX message queues.
    Mqueue,
}

impl MountKind {
    /// Those that a request asks for by name.
    const NAMED: [Self; 7] =
        [Self::Bind, Self::Tmpfs, Self::Ramfs, Self::Devpts, Self::Proc, Self::Sysfs, Self::Mqueue];

    /// As mount(8) names it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Tmpfs => "tmpfs",
            Self::Ramfs => "ramfs",
            Self::Overlay => "overlay",
            Self::Image => "image",
            Self::Devpts => "devpts",
            Self::Proc => "proc",
            Self::Sysfs => "sysfs",
            Self::Mqueue => "mqueue",
        }
    }

    /// The kind of that name; an empty one is a bind.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        if name.is_empty() {
            return Some(Self::Bind);
        }
        Self::NAMED.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A secret that a container has as a file. Its data is beside the container's log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerSecret {
    /// Its name.
    pub(crate) name: String,
    /// Its id.
    pub(crate) id: String,
    /// Absolute path in the container.
    pub(crate) target: String,
    /// Its owner, as the container counts.
    pub(crate) uid: u32,
    /// Its group.
    pub(crate) gid: u32,
    /// Permission bits.
    pub(crate) mode: u32,
}

/// A volume in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerVolume {
    /// The volume.
    pub(crate) name: String,
    /// Where it is mounted.
    pub(crate) destination: String,
    /// Mount options.
    pub(crate) options: Vec<String>,
    /// A directory in it, in place of its root.
    pub(crate) sub_path: String,
    /// It was made with the container and goes with it.
    pub(crate) anonymous: bool,
}
