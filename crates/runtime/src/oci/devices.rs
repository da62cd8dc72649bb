//! `--device` and the devices of privileged containers.

use std::path::{Path, PathBuf};

use cove_api::Mount;
use cove_sys::fs;
use serde_json::{Value, json};
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use super::input::SpecInput;
use crate::error::{Error, Result};

/// What devices become: nodes to make, cgroup rules, and binds where nodes cannot be made.
#[derive(Default)]
pub(crate) struct Devices {
    pub(crate) nodes: Vec<Value>,
    pub(crate) rules: Vec<Value>,
    pub(crate) mounts: Vec<Mount>,
}

/// Most devices taken from a directory.
const MAX_DEVICES: usize = 4096;

pub(crate) fn devices(input: &SpecInput<'_>) -> Result<Devices> {
    let mut result = Devices::default();
    let privileged = input.spec.privileged == Some(true);
    if privileged {
        result.rules.push(json!({"allow": true, "access": "rwm"}));
        for path in host_devices(Path::new("/dev"))? {
            add(input, &mut result, &path, &path, "rwm")?;
        }
    } else {
        result.rules.push(json!({"allow": false, "access": "rwm"}));
    }
    for device in &input.spec.devices {
        let (source, target, access) = parse(&device.path)?;
        let metadata = fs::metadata(&source).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::NotFound { what: format!("device {}", source.display()) },
            _ => Error::file(e),
        })?;
        if metadata.is_dir() {
            for path in host_devices(&source)? {
                let below =
                    path.strip_prefix(&source).map_err(|e| Error::invalid("device", e.to_string()))?;
                add(input, &mut result, &path, &target.join(below), &access)?;
            }
        } else {
            add(input, &mut result, &source, &target, &access)?;
        }
    }
    Ok(result)
}

/// The parts of `HOST[:CONTAINER[:rwm]]` or `HOST:rwm`.
fn parse(text: &str) -> Result<(PathBuf, PathBuf, String)> {
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
    Ok((source.into(), target.into(), access.to_owned()))
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
        (true, _) => "c",
        (_, true) => "b",
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
    result.nodes.retain(|node| node["path"] != json!(target));
    result.nodes.push(json!({
        "path": target, "type": kind, "major": major, "minor": minor,
        "fileMode": metadata.mode() & 0o777, "uid": metadata.uid(), "gid": metadata.gid()
    }));
    result.rules.push(json!({
        "allow": true, "type": kind, "major": major, "minor": minor, "access": access
    }));
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let parsed = |text: &str| {
            let (a, b, c) = parse(text).unwrap();
            format!("{} {} {c}", a.display(), b.display())
        };
        assert_eq!(parsed("/dev/fuse"), "/dev/fuse /dev/fuse rwm");
        assert_eq!(parsed("/dev/fuse:r"), "/dev/fuse /dev/fuse r");
        assert_eq!(parsed("/dev/fuse:/dev/x"), "/dev/fuse /dev/x rwm");
        assert_eq!(parsed("/dev/fuse:/dev/x:rw"), "/dev/fuse /dev/x rw");
        for text in ["fuse", "/dev/fuse:x", "/dev/a:/dev/b:/dev/c", "/a:/b:r:w", "/a:b:r"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
