//! The file systems every Linux userspace expects.

use std::path::Path;

use cove_sys::fs;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};

use super::console::problem;
use super::modules::Modules;
use crate::provision::GuestFolder;

struct Mount {
    source: &'static str,
    target: &'static str,
    kind: &'static str,
    flags: MountFlags,
    data: &'static std::ffi::CStr,
}

const SAFE: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

const MOUNTS: &[Mount] = &[
    Mount { source: "proc", target: "/proc", kind: "proc", flags: SAFE, data: c"" },
    Mount { source: "sysfs", target: "/sys", kind: "sysfs", flags: SAFE, data: c"" },
    Mount {
        source: "devtmpfs",
        target: "/dev",
        kind: "devtmpfs",
        flags: MountFlags::NOSUID,
        data: c"mode=0755",
    },
    Mount {
        source: "devpts",
        target: "/dev/pts",
        kind: "devpts",
        flags: MountFlags::NOSUID.union(MountFlags::NOEXEC),
        data: c"gid=5,mode=620,ptmxmode=666",
    },
    Mount {
        source: "shm",
        target: "/dev/shm",
        kind: "tmpfs",
        flags: MountFlags::NOSUID.union(MountFlags::NODEV),
        data: c"mode=1777",
    },
    Mount { source: "mqueue", target: "/dev/mqueue", kind: "mqueue", flags: SAFE, data: c"" },
    Mount {
        source: "tmpfs",
        target: "/run",
        kind: "tmpfs",
        flags: MountFlags::NOSUID.union(MountFlags::NODEV),
        data: c"mode=0755,size=20%",
    },
    Mount {
        source: "tmpfs",
        target: "/tmp",
        kind: "tmpfs",
        flags: MountFlags::NOSUID.union(MountFlags::NODEV),
        data: c"mode=1777,size=50%",
    },
    Mount {
        source: "cgroup2",
        target: "/sys/fs/cgroup",
        kind: "cgroup2",
        flags: SAFE,
        data: c"nsdelegate,memory_recursiveprot",
    },
];

/// Mounts them all and enables every controller for child cgroups.
pub(super) fn mount_all() {
    for entry in MOUNTS {
        if is_mounted(entry) {
            continue;
        }
        if matches!(entry.target, "/dev/pts" | "/dev/shm" | "/dev/mqueue") {
            let _ = fs::create_dir_all(entry.target);
        }
        if let Err(error) = mount(entry.source, entry.target, entry.kind, entry.flags, entry.data) {
            problem(entry.target, error);
        }
    }
    // Container engines rely on mounts travelling into the namespaces they make.
    let propagation = MountPropagationFlags::SHARED | MountPropagationFlags::REC;
    if let Err(error) = mount_change("/", propagation) {
        problem("shared mounts", error);
    }
    enable_controllers();
    for (link, target) in [
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
    ] {
        let _ = std::os::unix::fs::symlink(target, link);
    }
}

/// Mounts the folders of the host; answers what could not be mounted, a sentence each.
pub(super) fn mount_folders(modules: &Modules, folders: &[GuestFolder]) -> Vec<String> {
    if folders.is_empty() {
        return Vec::new();
    }
    let loaded = modules.load("virtiofs");
    let mounted = |folder: &GuestFolder| {
        loaded.clone()?;
        fs::create_dir_all(&folder.target).map_err(|error| error.to_string())?;
        let mut flags = MountFlags::NOSUID | MountFlags::NODEV;
        if folder.read_only {
            flags |= MountFlags::RDONLY;
        }
        mount(folder.tag.as_str(), folder.target.as_str(), "virtiofs", flags, c"")
            .map_err(|error| error.to_string())
    };
    let mut folders: Vec<&GuestFolder> = folders.iter().collect();
    // What is beneath another comes after it, or would be hidden.
    folders.sort_by(|one, other| one.target.cmp(&other.target));
    folders
        .into_iter()
        .filter_map(|folder| Some(format!("{}: {}", folder.target, mounted(folder).err()?)))
        .collect()
}

/// The kernel mounts `/dev` by itself (`CONFIG_DEVTMPFS_MOUNT`).
fn is_mounted(entry: &Mount) -> bool {
    entry.target == "/dev" && Path::new("/dev/null").exists()
}

fn enable_controllers() {
    let root = Path::new("/sys/fs/cgroup");
    let Ok(controllers) = fs::read_to_string(root.join("cgroup.controllers")) else { return };
    for controller in controllers.split_whitespace() {
        // One by one: a controller that refuses must not keep the others off.
        if let Err(error) = fs::write(root.join("cgroup.subtree_control"), format!("+{controller}")) {
            problem("cgroup controller", error);
        }
    }
}
