//! The root file system of an infra container without an image: one program that waits.

use std::path::Path;

use cove_api::{ContainerSpec, Error, Result};
use cove_runtime::pause_program;
use cove_sys::fs;

use crate::parts::Parts;
use crate::state::{UserNamespace, make_private};

/// Where the program is in its container.
const PROGRAM: &str = "pause";

/// Makes a request one for a container that runs the program. `directory` holds the container's lasting files.
pub(crate) fn wait_in(directory: &Path, spec: &mut ContainerSpec) {
    spec.rootfs = directory.join("rootfs").to_string_lossy().into_owned();
    if spec.entrypoint.is_none() {
        spec.entrypoint = Some(vec![format!("/{PROGRAM}")]);
    }
}

/// Puts the program in its place, where it is not there already.
pub(crate) fn write_program(parts: &Parts, directory: &Path, users: &UserNamespace) -> Result<()> {
    let root = directory.join("rootfs");
    let path = root.join(PROGRAM);
    if path.exists() {
        return Ok(());
    }
    make_private(&root).map_err(|error| Error::from(error).context(root.display()))?;
    let program = match pause_program() {
        Some(program) => program,
        // The same in a program of its own, for other machines.
        None => fs::read(parts.helper("catatonit")?)?,
    };
    let mode: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    // Whole or not at all: another command may have been killed while it wrote.
    let half = root.join(".new");
    fs::write(&half, program)?;
    fs::set_permissions(&half, mode.clone())?;
    if !users.users.is_empty() {
        // Its root makes the places of mounts there, and whoever runs in it passes through.
        let (uid, gid) = users.to_host(0, 0)?;
        std::os::unix::fs::chown(&root, Some(uid), Some(gid))?;
        fs::set_permissions(&root, mode)?;
    }
    Ok(fs::rename(&half, &path)?)
}
