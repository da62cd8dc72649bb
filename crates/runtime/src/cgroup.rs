//! Which cgroups this machine has and who may manage them.

use std::path::{Path, PathBuf};

use cove_sys::fs;

use crate::error::{Error, Result};

/// Where the tree of cgroups is mounted.
pub(crate) const MOUNT: &str = "/sys/fs/cgroup";

/// How the OCI runtime manages cgroups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CgroupMode {
    /// The runtime writes to the cgroup v2 tree itself.
    Cgroupfs {
        /// Cgroup, relative to `/sys/fs/cgroup`, below which containers get theirs (`""` for the root).
        parent: String,
        /// Controllers that can be used there.
        controllers: Vec<String>,
    },
    /// systemd makes a scope for each container.
    Systemd {
        /// Slice below which the scopes are, unless the user names one.
        slice: &'static str,
        /// Controllers that can be used.
        controllers: Vec<String>,
    },
    /// The runtime writes to the tree itself, in the cgroup of the command that starts the container.
    Split {
        /// That cgroup, relative to `/sys/fs/cgroup`.
        own: String,
        /// Controllers that are handed down in it.
        controllers: Vec<String>,
    },
    /// No cgroup is made and no limit can be kept.
    Disabled {
        /// Why, in words for the user.
        reason: String,
        /// Controllers are spread over cgroup v1 and v2, which crun refuses.
        hybrid: bool,
    },
}

/// What the user asked for in containers.conf or with `--cgroup-manager`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CgroupPreference {
    /// systemd where it runs, else cgroupfs.
    #[default]
    Automatic,
    /// `systemd`.
    Systemd,
    /// `cgroupfs`.
    Cgroupfs,
}

/// Where to look; the defaults are the real places.
#[derive(Clone, Debug)]
pub struct CgroupProbe {
    /// `/sys/fs/cgroup`.
    pub mount: PathBuf,
    /// `/proc/self/cgroup`.
    pub own: PathBuf,
    /// `/run/systemd/system`, which exists where systemd runs as pid 1.
    pub systemd: PathBuf,
    /// The user's bus (`$XDG_RUNTIME_DIR/bus`), rootless only.
    pub user_bus: Option<PathBuf>,
    /// Run as an ordinary user (in a user namespace).
    pub rootless: bool,
}

impl CgroupProbe {
    /// The real places.
    #[must_use]
    pub fn new(rootless: bool, user_bus: Option<PathBuf>) -> Self {
        Self {
            mount: PathBuf::from(MOUNT),
            own: PathBuf::from("/proc/self/cgroup"),
            systemd: PathBuf::from("/run/systemd/system"),
            user_bus,
            rootless,
        }
    }
}

/// Finds out how cgroups can be used. Takes about 50 µs.
#[must_use]
pub fn detect(probe: &CgroupProbe, preference: CgroupPreference) -> CgroupMode {
    let hybrid = fs::read(probe.mount.join("unified/cgroup.controllers")).is_ok_and(|text| !text.is_empty());
    let disabled = |reason: &str| CgroupMode::Disabled { reason: reason.to_owned(), hybrid };
    let Ok(controllers) = fs::read_to_string(probe.mount.join("cgroup.controllers")) else {
        return disabled("this machine has no pure cgroup v2 tree at /sys/fs/cgroup");
    };
    let controllers: Vec<String> = controllers.split_ascii_whitespace().map(str::to_owned).collect();
    let systemd = probe.systemd.is_dir()
        && (!probe.rootless || probe.user_bus.as_ref().is_some_and(|bus| bus.exists()));
    let own = own_cgroup(probe);
    match preference {
        CgroupPreference::Systemd if !systemd => {
            disabled("the systemd cgroup manager needs a running systemd")
        }
        CgroupPreference::Systemd | CgroupPreference::Automatic if systemd => match own {
            own if probe.rootless => {
                let manager = own.as_deref().and_then(user_manager).unwrap_or_default();
                let controllers = read_controllers(&probe.mount.join(manager), "cgroup.controllers");
                CgroupMode::Systemd { slice: "user.slice", controllers }
            }
            _ => CgroupMode::Systemd { slice: "machine.slice", controllers },
        },
        _ if probe.rootless => rootless_cgroupfs(probe, own),
        _ if !is_writable(&probe.mount.join("cgroup.subtree_control")) => {
            disabled("/sys/fs/cgroup is mounted read-only")
        }
        _ => CgroupMode::Cgroupfs { parent: String::new(), controllers },
    }
}

/// An ordinary user can only use a cgroup that was delegated to him.
fn rootless_cgroupfs(probe: &CgroupProbe, own: Option<String>) -> CgroupMode {
    let usable = own.filter(|own| {
        let path = probe.mount.join(own.trim_start_matches('/'));
        is_writable(&path) && is_writable(&path.join("cgroup.procs"))
    });
    match usable {
        Some(own) => {
            // The engine's own process is in this cgroup, so that no further controller can be handed down from it.
            let directory = probe.mount.join(own.trim_start_matches('/'));
            let controllers = read_controllers(&directory, "cgroup.subtree_control");
            CgroupMode::Cgroupfs { parent: own.trim_matches('/').to_owned(), controllers }
        }
        None => {
            CgroupMode::Disabled { reason: "no cgroup is delegated to this user".to_owned(), hybrid: false }
        }
    }
}

/// Makes room for a container in this process's own cgroup, as systemd hands one down to a unit with `Delegate=`: this
/// process, and the monitor that it starts, go to `supervisor` in it, the container will be beside that.
///
/// # Errors
/// The cgroup may not be written.
pub fn split(probe: &CgroupProbe) -> Result<CgroupMode> {
    let own = own_cgroup(probe).unwrap_or_default();
    let own = own.trim_matches('/');
    // A second container of the same command, or one that a monitor starts again.
    let own = match own.strip_suffix(SUPERVISOR) {
        Some(above) if above.is_empty() || above.ends_with('/') => above.trim_end_matches('/'),
        _ => own,
    }
    .to_owned();
    let directory = probe.mount.join(&own);
    let supervisor = directory.join(SUPERVISOR);
    fs::create_dir_all(&supervisor).map_err(Error::file)?;
    fs::write(supervisor.join("cgroup.procs"), "0").map_err(Error::file)?;
    let mut controllers = read_controllers(&directory, "cgroup.subtree_control");
    for controller in read_controllers(&directory, "cgroup.controllers") {
        // One that another process in the cgroup stands in the way of is not there; limits that need it are refused.
        if !controllers.contains(&controller)
            && fs::write(directory.join("cgroup.subtree_control"), format!("+{controller}")).is_ok()
        {
            controllers.push(controller);
        }
    }
    Ok(CgroupMode::Split { own, controllers })
}

/// The cgroup of the monitor, beside that of its container.
const SUPERVISOR: &str = "supervisor";

fn read_controllers(directory: &Path, file: &str) -> Vec<String> {
    fs::read_to_string(directory.join(file))
        .map(|text| text.split_ascii_whitespace().map(str::to_owned).collect())
        .unwrap_or_default()
}

/// The cgroup of the user's systemd, from that of any of his sessions.
fn user_manager(own: &str) -> Option<String> {
    let id = own.split('/').find_map(|part| part.strip_prefix("user-")?.strip_suffix(".slice"))?;
    Some(format!("user.slice/user-{id}.slice/user@{id}.service"))
}

fn own_cgroup(probe: &CgroupProbe) -> Option<String> {
    let text = fs::read_to_string(&probe.own).ok()?;
    text.lines().find_map(|l| l.strip_prefix("0::")).map(str::to_owned)
}

fn is_writable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
}

impl CgroupMode {
    /// Whether a limit of `controller` (`memory`, `cpu`, `cpuset`, `pids`, `io`) can be kept.
    #[must_use]
    pub fn has(&self, controller: &str) -> bool {
        match self {
            Self::Cgroupfs { controllers, .. }
            | Self::Systemd { controllers, .. }
            | Self::Split { controllers, .. } => controllers.iter().any(|c| c == controller),
            Self::Disabled { .. } => false,
        }
    }

    /// Whether containers get cgroups at all.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        !matches!(self, Self::Disabled { .. })
    }

    /// Whether `runtime` can only be called with the cgroup tree out of its sight.
    pub(crate) fn must_hide(&self, runtime: &str) -> bool {
        matches!(self, Self::Disabled { hybrid: true, .. }) && runtime.contains("crun")
    }

    /// The name podman shows (`info`, `inspect`): `systemd`, `cgroupfs`, `none`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cgroupfs { .. } | Self::Split { .. } => "cgroupfs",
            Self::Systemd { .. } => "systemd",
            Self::Disabled { .. } => "none",
        }
    }

    /// Global arguments for an OCI runtime.
    #[must_use]
    pub(crate) fn runtime_arguments(&self, runtime: &str) -> Vec<String> {
        let is_crun = runtime.contains("crun");
        let argument = match self {
            Self::Disabled { .. } if is_crun => "--cgroup-manager=disabled",
            Self::Cgroupfs { .. } | Self::Split { .. } if is_crun => "--cgroup-manager=cgroupfs",
            Self::Systemd { .. } if is_crun => "--cgroup-manager=systemd",
            Self::Systemd { .. } => "--systemd-cgroup",
            _ => return Vec::new(),
        };
        vec![argument.to_owned()]
    }

    /// `linux.cgroupsPath` for a container, and its directory where that is known before the start.
    ///
    /// `parent` is the user's `--cgroup-parent`.
    #[must_use]
    pub fn container_path(&self, id: &str, parent: Option<&str>) -> (Option<String>, Option<PathBuf>) {
        match self {
            Self::Disabled { .. } => (None, None),
            Self::Split { own, .. } => {
                let path = format!("/{own}/cove-payload-{id}").replace("//", "/");
                let directory = Path::new(MOUNT).join(path.trim_start_matches('/'));
                (Some(path), Some(directory))
            }
            Self::Systemd { slice, .. } => {
                let slice = parent.filter(|p| !p.is_empty()).unwrap_or(slice);
                (Some(format!("{slice}:cove:{id}")), None)
            }
            Self::Cgroupfs { parent: base, .. } => {
                let below = parent.filter(|p| !p.is_empty()).unwrap_or("/cove_parent").trim_matches('/');
                let path = if base.is_empty() {
                    format!("/{below}/cove-{id}")
                } else {
                    format!("/{base}/{below}/cove-{id}")
                };
                let directory = Path::new(MOUNT).join(path.trim_start_matches('/'));
                (Some(path), Some(directory))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(name: &str) -> (PathBuf, CgroupProbe) {
        let root = std::env::temp_dir().join(format!("cove-cgroup-{name}-{}", std::process::id()));
        fs::create_dir_all(root.join("cg/user")).unwrap();
        let probe = CgroupProbe {
            mount: root.join("cg"),
            own: root.join("own"),
            systemd: root.join("systemd"),
            user_bus: None,
            rootless: false,
        };
        (root, probe)
    }

    #[test]
    fn no_unified_tree() {
        let (root, probe) = tree("none");
        let mode = detect(&probe, CgroupPreference::Automatic);
        assert!(!mode.is_enabled());
        assert_eq!(mode.runtime_arguments("crun"), ["--cgroup-manager=disabled"]);
        assert_eq!(mode.container_path("id", None), (None, None));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_cgroup_is_split() {
        let (root, probe) = tree("split");
        fs::create_dir_all(root.join("cg/unit")).unwrap();
        fs::write(root.join("cg/unit/cgroup.controllers"), "memory pids\n").unwrap();
        fs::write(root.join("cg/unit/cgroup.subtree_control"), "").unwrap();
        for own in ["0::/unit\n", "0::/unit/supervisor\n"] {
            fs::write(root.join("own"), own).unwrap();
            let mode = split(&probe).unwrap();
            assert_eq!(mode.container_path("1", None).0.as_deref(), Some("/unit/cove-payload-1"));
            assert!(mode.has("pids") && mode.is_enabled());
            assert_eq!(mode.runtime_arguments("crun"), ["--cgroup-manager=cgroupfs"]);
            assert_eq!(fs::read_to_string(root.join("cg/unit/supervisor/cgroup.procs")).unwrap(), "0");
        }
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn unified_trees() {
        let (root, mut probe) = tree("v2");
        fs::write(root.join("cg/cgroup.controllers"), "cpu memory pids\n").unwrap();
        fs::write(root.join("cg/cgroup.subtree_control"), "").unwrap();
        fs::write(root.join("cg/user/cgroup.controllers"), "memory pids\n").unwrap();
        fs::write(root.join("cg/user/cgroup.subtree_control"), "pids\n").unwrap();
        fs::write(root.join("cg/user/cgroup.procs"), "").unwrap();
        fs::write(root.join("own"), "0::/user\n").unwrap();
        let mode = detect(&probe, CgroupPreference::Automatic);
        assert_eq!(mode.name(), "cgroupfs");
        assert!(mode.has("memory") && !mode.has("io"));
        assert_eq!(mode.container_path("1", Some("/p/")).0.as_deref(), Some("/p/cove-1"));
        assert!(!detect(&probe, CgroupPreference::Systemd).is_enabled());
        probe.rootless = true;
        let mode = detect(&probe, CgroupPreference::Automatic);
        assert!(mode.has("pids") && !mode.has("memory"));
        fs::create_dir_all(root.join("systemd")).unwrap();
        probe.rootless = false;
        assert_eq!(detect(&probe, CgroupPreference::Automatic).name(), "systemd");
        assert_eq!(
            user_manager("/user.slice/user-1000.slice/session-2.scope").as_deref(),
            Some("user.slice/user-1000.slice/user@1000.service")
        );
        fs::remove_dir_all(root).unwrap();
    }
}
