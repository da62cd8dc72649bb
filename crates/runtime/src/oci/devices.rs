//! `--device` and the devices of privileged containers.

use std::path::{Path, PathBuf};

use cove_api::{DeviceCgroup, Mount};
use cove_sys::fs;
use oci_spec::runtime::{LinuxDevice, LinuxDeviceCgroup, LinuxDeviceType};
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use super::input::SpecInput;
use super::settings::DeviceMapping;
use crate::error::{Error, Result};

/// What devices become: nodes to make, cgroup rules, and binds where nodes cannot be made.
#[derive(Default)]
pub(crate) struct Devices {
    pub(crate) nodes: Vec<LinuxDevice>,
    pub(crate) rules: Vec<LinuxDeviceCgroup>,
    pub(crate) mounts: Vec<Mount>,
}

/// Most devices taken from a directory.
const MAX_DEVICES: usize = 4096;

pub(crate) fn devices(input: &SpecInput<'_>) -> Result<Devices> {
    let mut result = Devices::default();
    if input.settings.security.privileged {
        result.rules.push(all_devices(true));
        for path in host_devices(Path::new("/dev"))? {
            // A systemd that finds consoles starts logins on them.
            if input.settings.systemd.is_some() && is_console(&path) {
                continue;
            }
            add(input, &mut result, &path, &path, "rwm")?;
        }
    } else {
        result.rules.push(all_devices(false));
    }
    for rule in &input.settings.device_rules {
        result.rules.push(cgroup_rule(rule)?);
    }
    for device in &input.settings.devices {
        let DeviceMapping { source, target, access } = device;
        let metadata = fs::metadata(source).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::NotFound { what: format!("device {}", source.display()) },
            _ => Error::file(e),
        })?;
        if metadata.is_dir() {
            for path in host_devices(source)? {
                let below = path.strip_prefix(source).map_err(|e| Error::invalid("device", e.to_string()))?;
                add(input, &mut result, &path, &target.join(below), access)?;
            }
        } else {
            add(input, &mut result, source, target, access)?;
        }
    }
    Ok(result)
}

fn add(
    input: &SpecInput<'_>,
    result: &mut Devices,
    source: &Path,
    target: &Path,
    access: &str,
) -> Result<()> {
    let metadata = fs::metadata(source).map_err(Error::file)?;
    let kind = metadata.file_type();
    let kind = match (kind.is_char_device(), kind.is_block_device()) {
        (true, _) => LinuxDeviceType::C,
        (_, true) => LinuxDeviceType::B,
        _ => return Err(Error::invalid(format!("device {}", source.display()), "not a device node")),
    };
    let text = |path: &Path| path.to_string_lossy().into_owned();
    if input.host.rootless || !input.namespaces.user.is_host() {
        // Device nodes cannot be made in a user namespace, so the host's are bound.
        result.mounts.push(Mount {
            destination: text(target),
            kind: "bind".to_owned(),
            source: text(source),
            options: ["rbind", "nosuid", "noexec", if access.contains('w') { "rw" } else { "ro" }]
                .map(str::to_owned)
                .to_vec(),
        });
        return Ok(());
    }
    let (major, minor) = (rustix::fs::major(metadata.rdev()), rustix::fs::minor(metadata.rdev()));
    let (major, minor) = (i64::from(major), i64::from(minor));
    result.nodes.retain(|node| node.path() != target);
    let mut node = LinuxDevice::default();
    node.set_path(target.to_owned())
        .set_typ(kind)
        .set_major(major)
        .set_minor(minor)
        .set_file_mode(Some(metadata.mode() & 0o777))
        .set_uid(Some(metadata.uid()))
        .set_gid(Some(metadata.gid()));
    result.nodes.push(node);
    let mut rule = LinuxDeviceCgroup::default();
    rule.set_allow(true)
        .set_typ(Some(kind))
        .set_major(Some(major))
        .set_minor(Some(minor))
        .set_access(Some(access.to_owned()));
    result.rules.push(rule);
    Ok(())
}

/// A rule of the user's.
fn cgroup_rule(wanted: &DeviceCgroup) -> Result<LinuxDeviceCgroup> {
    let kind = match wanted.kind.as_str() {
        "" | "a" => LinuxDeviceType::A,
        "b" => LinuxDeviceType::B,
        "c" => LinuxDeviceType::C,
        other => return Err(Error::invalid(format!("device rule of type {other:?}"), "it is a, b or c")),
    };
    let mut rule = LinuxDeviceCgroup::default();
    rule.set_allow(wanted.allow)
        .set_typ(Some(kind))
        .set_major(wanted.major)
        .set_minor(wanted.minor)
        .set_access(Some(wanted.access.clone()));
    Ok(rule)
}

/// The rule for all devices that no other rule is for.
fn all_devices(allow: bool) -> LinuxDeviceCgroup {
    let mut rule = LinuxDeviceCgroup::default();
    rule.set_allow(allow).set_access(Some("rwm".to_owned()));
    rule
}

/// `/dev/tty1` and so on.
fn is_console(path: &Path) -> bool {
    let number = path.to_str().and_then(|path| path.strip_prefix("/dev/tty"));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Device nodes below a directory, without what every container has of its own.
fn host_devices(directory: &Path) -> Result<Vec<PathBuf>> {
    let own = [
        "pts",
        "shm",
        "fd",
        "mqueue",
        ".lxc",
        ".lxd-mounts",
        ".udev",
        "console",
        "ptmx",
        "stdin",
        "stdout",
        "stderr",
    ];
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(current) = pending.pop() {
        let entries = match fs::read_dir(&current) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => continue,
            Err(e) => return Err(Error::file(e)),
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if current == Path::new("/dev") && own.iter().any(|o| name == *o) {
                continue;
            }
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                pending.push(entry.path());
            } else if (kind.is_char_device() || kind.is_block_device()) && found.len() < MAX_DEVICES {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}
