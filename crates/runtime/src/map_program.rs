//! newuidmap and newgidmap: they write the id maps that an ordinary user may not write, and say little where they cannot.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cove_sys::fs;
use cove_sys::process::find_program;

use crate::error::{Error, Result};
use crate::oci::IdMapping;

/// Where distributions install them.
const FOLDERS: [&str; 4] = ["/usr/local/bin", "/usr/bin", "/bin", "/run/wrappers/bin"];

/// Has `program` give the process `pid` the ranges of `map`, which come from `file`.
///
/// # Errors
/// It is not installed, has not the rights that it needs, or refuses.
pub(crate) fn run(program: &str, pid: u32, map: &[IdMapping], file: &Path) -> Result<()> {
    let mut command = Command::new(program);
    command.arg(pid.to_string()).stdin(Stdio::null());
    for range in map {
        command.args([range.container_id, range.host_id, range.size].map(|n| n.to_string()));
    }
    let output = command.output().map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => Error::Missing {
            program: program.to_owned(),
            hint: "install the package uidmap (shadow-utils on Fedora)".to_owned(),
        },
        _ => Error::io(format!("start {program}"))(e),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let folders = FOLDERS.map(PathBuf::from);
    let powerless = find_program(program, &folders, None).ok().and_then(|path| powerless(&path));
    let powerless = powerless.map(|reason| format!(" ({reason})")).unwrap_or_default();
    Err(Error::Unsupported {
        what: "running without root".to_owned(),
        why: format!("{program} refused the ranges of {}: {text}{powerless}", file.display()),
    })
}

/// Why the program at `path` cannot have the rights that it needs, where that can be seen.
fn powerless(path: &Path) -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if status.lines().any(|line| line.starts_with("NoNewPrivs:") && line.ends_with('1')) {
        return Some("no process below this one can gain rights: no_new_privs is set".to_owned());
    }
    let metadata = fs::metadata(path).ok()?;
    let is_set_uid = metadata.uid() == 0 && metadata.mode() & 0o4000 != 0;
    let has_capability = rustix::fs::getxattr(path, "security.capability", &mut [0_u8; 64]).is_ok();
    (!is_set_uid && !has_capability).then(|| {
        format!(
            "{} has neither root's set-user-ID bit nor a capability, which copies of systems lose: install the package \
             uidmap (shadow-utils on Fedora) again",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_program_without_rights_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("newuidmap");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let reason = powerless(&path).unwrap();
        assert!(reason.contains("newuidmap") || reason.contains("no_new_privs"), "{reason}");
        if rustix::process::geteuid().is_root() && !reason.contains("no_new_privs") {
            fs::set_permissions(&path, std::fs::Permissions::from_mode(0o4755)).unwrap();
            assert_eq!(powerless(&path), None);
        }
    }
}
