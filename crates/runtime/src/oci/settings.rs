//! What a container may do, see and use: values that are fixed when it is made.
//!
//! The engine keeps them in its records as they are: a field is only ever added, with a default.

use std::path::PathBuf;
use std::str::FromStr;

use cove_api::{BlockIo, DEFAULT_CAPABILITIES, DeviceCgroup, IntelRdt, Personality, Rlimit, StringMap};
use serde::{Deserialize, Serialize};

use crate::apparmor::DEFAULT_PROFILE;
use crate::error::Error;

/// Bytes of `/dev/shm` where nobody says otherwise.
const SHM_SIZE: i64 = 65_536_000;

/// Everything of a container's configuration that does not depend on a single start. The default is what a container
/// gets for which neither user nor containers.conf(5) say anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The process has a terminal.
    pub terminal: bool,
    /// Permissions bits that new files do not get.
    pub umask: u32,
    /// Rights.
    pub security: Security,
    /// Limits.
    pub limits: Limits,
    /// Devices of the host.
    pub devices: Vec<DeviceMapping>,
    /// Devices by the names that their descriptions have, [`cove_api::CdiName`].
    pub cdi_devices: Vec<String>,
    /// Graphics processors by what their vendor calls them, or `all`.
    pub gpus: Vec<String>,
    /// What its cgroup says of devices besides those in [`Settings::devices`].
    pub device_rules: Vec<DeviceCgroup>,
    /// The execution domain of the process.
    pub personality: Option<Personality>,
    /// Its share of Intel's processor cache.
    pub intel_rdt: Option<IntelRdt>,
    /// The command is systemd, which expects more to be writable.
    pub systemd: Option<Systemd>,
    /// Kernel parameters; one of a namespace that is the host's is an error.
    pub sysctls: StringMap,
    /// Kernel parameters of containers.conf; one of a namespace that is the host's is left out.
    pub default_sysctls: StringMap,
    /// Annotations for the OCI runtime.
    pub annotations: StringMap,
    /// Whether its root file system can be written to.
    pub root: RootAccess,
    /// Bytes of `/dev/shm`.
    pub shm_size: i64,
    /// Where its cgroup is.
    pub cgroup: CgroupPlacement,
    /// The process keeps the groups of who starts it (`--group-add keep-groups`).
    pub keep_groups: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            terminal: false,
            umask: 0o022,
            security: Security::default(),
            limits: Limits::default(),
            devices: Vec::new(),
            cdi_devices: Vec::new(),
            gpus: Vec::new(),
            device_rules: Vec::new(),
            personality: None,
            intel_rdt: None,
            systemd: None,
            sysctls: StringMap::new(),
            default_sysctls: [("net.ipv4.ping_group_range".to_owned(), "0 0".to_owned())].into(),
            annotations: StringMap::new(),
            root: RootAccess::default(),
            shm_size: SHM_SIZE,
            cgroup: CgroupPlacement::default(),
            keep_groups: false,
        }
    }
}

/// What is prepared for systemd as the command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Systemd {
    /// Bytes of each of its file systems in memory; 0 is half of the host's memory.
    pub memory: i64,
}

/// What a container's processes have rights to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Security {
    /// All capabilities, all devices, nothing masked.
    pub privileged: bool,
    /// No program gives more rights than its caller has.
    pub no_new_privileges: bool,
    /// Capabilities.
    pub capabilities: CapabilityRules,
    /// The system call filter.
    pub seccomp: Seccomp,
    /// An AppArmor profile; [`DEFAULT_PROFILE`] only where the machine can have it, [`None`] for none.
    pub apparmor: Option<String>,
    /// Paths hidden beside the usual ones.
    pub mask: Vec<String>,
    /// Paths, with `*` in their parts, that are not hidden; `ALL` hides none.
    pub unmask: Vec<String>,
    /// Further mount options of `/proc`.
    pub proc_options: Vec<String>,
}

impl Default for Security {
    /// Of a container for which nothing is asked.
    fn default() -> Self {
        Self {
            privileged: false,
            no_new_privileges: false,
            capabilities: CapabilityRules::default(),
            seccomp: Seccomp::default(),
            apparmor: Some(DEFAULT_PROFILE.to_owned()),
            mask: Vec::new(),
            unmask: Vec::new(),
            proc_options: Vec::new(),
        }
    }
}

/// From which capabilities a container's are computed, see [`super::capabilities::merge`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CapabilityRules {
    /// What every container has.
    pub base: Vec<String>,
    /// What this one has besides; `ALL` is every one.
    pub add: Vec<String>,
    /// What this one lacks.
    pub drop: Vec<String>,
}

impl Default for CapabilityRules {
    fn default() -> Self {
        Self { base: DEFAULT_CAPABILITIES.map(ToOwned::to_owned).into(), add: Vec::new(), drop: Vec::new() }
    }
}

/// A system call filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seccomp {
    /// The built-in one; none for privileged containers.
    #[default]
    BuiltIn,
    /// None.
    Unconfined,
    /// The one in this file, in Docker's and Podman's format.
    Profile(PathBuf),
    /// This one, in the same format: a label of the image.
    Text(String),
}

/// How much a container may use. [`None`] is unlimited, or whatever the engine's own limit is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// POSIX limits the user asked for: what cannot be had is an error.
    pub rlimits: Vec<Rlimit>,
    /// POSIX limits of containers.conf, lowered to what can be had.
    pub default_rlimits: Vec<Rlimit>,
    /// Memory.
    pub memory: MemoryLimits,
    /// Processors.
    pub cpu: CpuLimits,
    /// Block devices.
    pub block_io: BlockIo,
    /// Files of a cgroup of version 2 and what is written to them.
    pub unified: StringMap,
    /// Number of processes that the user asked for; 0 or less is unlimited.
    pub pids: Option<i64>,
    /// Number of processes where the user says nothing and the host can limit it; 0 or less is unlimited.
    pub default_pids: i64,
    /// How likely the kernel ends its processes when memory runs out, -1000 to 1000.
    pub oom_score_adj: Option<i32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rlimits: Vec::new(),
            default_rlimits: Vec::new(),
            memory: MemoryLimits::default(),
            cpu: CpuLimits::default(),
            block_io: BlockIo::default(),
            unified: StringMap::new(),
            pids: None,
            default_pids: 2048,
            oom_score_adj: None,
        }
    }
}

/// Limits of memory, in bytes. The names are the OCI configuration's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryLimits {
    /// All it may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// What it is brought back to when the host is short of memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation: Option<i64>,
    /// Memory and swap together; -1 is unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<i64>,
    /// How readily it is swapped out, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swappiness: Option<u64>,
    /// Processes wait instead of being killed when there is no memory left.
    #[serde(rename = "disableOOMKiller", skip_serializing_if = "Option::is_none")]
    pub disable_oom_killer: Option<bool>,
}

/// Limits of processor time. The names are the OCI configuration's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CpuLimits {
    /// Weight against other containers; 1024 is usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shares: Option<u64>,
    /// Microseconds in each period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<i64>,
    /// Microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<u64>,
    /// Microseconds of real-time scheduling in each of its periods (cgroup version 1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realtime_runtime: Option<i64>,
    /// Microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realtime_period: Option<u64>,
    /// Processors: `0-2,7`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cpus: String,
    /// Memory nodes: `0-1`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mems: String,
}

/// A device of the host in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceMapping {
    /// Absolute path on the host; a directory stands for all devices in it.
    pub source: PathBuf,
    /// Absolute path in the container.
    pub target: PathBuf,
    /// Made of `r`, `w` and `m`.
    pub access: String,
}

impl FromStr for DeviceMapping {
    type Err = Error;

    /// Reads `HOST[:CONTAINER[:rwm]]`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = |why: &str| Error::invalid(format!("device {text:?}"), why);
        let is_access = |t: &str| !t.is_empty() && t.len() <= 3 && t.chars().all(|c| "rwm".contains(c));
        let parts: Vec<&str> = text.split(':').collect();
        let (source, target, access) = match parts[..] {
            [source] => (source, source, "rwm"),
            [source, second] if second.starts_with('/') => (source, second, "rwm"),
            [source, access] => (source, source, access),
            [source, target, access] => (source, target, access),
            _ => return Err(bad("expected HOST[:CONTAINER[:rwm]]")),
        };
        if !is_access(access) {
            return Err(bad("the access is made of r, w and m"));
        }
        if !source.starts_with('/') || !target.starts_with('/') {
            return Err(bad("paths must be absolute"));
        }
        Ok(Self { source: source.into(), target: target.into(), access: access.to_owned() })
    }
}

/// Whether the root file system can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RootAccess {
    /// It cannot.
    pub read_only: bool,
    /// Then the places where programs expect to write are file systems in memory.
    pub scratch: bool,
}

impl Default for RootAccess {
    fn default() -> Self {
        Self { read_only: false, scratch: true }
    }
}

/// Where a container's cgroup is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CgroupPlacement {
    /// It has one of its own.
    pub own: bool,
    /// Below which one, where not the engine's usual one.
    pub parent: Option<String>,
    /// It is in the cgroup of the command that starts it, beside the monitor's ([`crate::cgroup::split`]).
    pub split: bool,
}

impl Default for CgroupPlacement {
    fn default() -> Self {
        Self { own: true, parent: None, split: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read() {
        let parsed = |text: &str| {
            let device: DeviceMapping = text.parse().unwrap();
            format!("{} {} {}", device.source.display(), device.target.display(), device.access)
        };
        assert_eq!(parsed("/dev/fuse"), "/dev/fuse /dev/fuse rwm");
        assert_eq!(parsed("/dev/fuse:r"), "/dev/fuse /dev/fuse r");
        assert_eq!(parsed("/dev/fuse:/dev/x"), "/dev/fuse /dev/x rwm");
        assert_eq!(parsed("/dev/fuse:/dev/x:rw"), "/dev/fuse /dev/x rw");
        for text in ["fuse", "/dev/fuse:x", "/dev/a:/dev/b:/dev/c", "/a:/b:r:w", "/a:b:r"] {
            assert!(text.parse::<DeviceMapping>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_record_without_fields_is_the_default() {
        assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
    }
}
