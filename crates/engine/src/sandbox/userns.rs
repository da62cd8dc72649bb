//! A container's own user namespace, and the network namespace that belongs to it.

use std::path::{Path, PathBuf};

use cove_api::{Error, Result};
use cove_storage::{IdMap, NamespaceHolder};
use cove_sys::fs;
use rustix::mount::{MountPropagationFlags, UnmountFlags};

use super::plan::Plan;
use crate::state::{IdRange, NamespaceMode};

/// Where it is kept in a folder.
fn place(folder: &Path) -> PathBuf {
    folder.join("userns")
}

/// Makes it where the container also has a network namespace that the engine connects: only who owns that may bind low
/// ports in it, change its devices, or mount its part of `/sys`. Else the OCI runtime makes it.
///
/// The answer is the process that has both, until [`keep`] and the networks have them.
pub(super) fn make(plan: &Plan<'_>) -> Result<Option<NamespaceHolder>> {
    let config = plan.config;
    if config.userns.mode != NamespaceMode::Private || !config.network.has_own_namespace() {
        return Ok(None);
    }
    let stored = |ranges: &[IdRange]| ranges.iter().map(|range| range.stored()).collect::<Vec<IdMap>>();
    let holder = NamespaceHolder::new(&stored(&config.userns.users), &stored(&config.userns.groups), true)
        .map_err(|error| Error::from(error).context("making the container's user namespace"))?;
    Ok(Some(holder))
}

/// Keeps it in the folder of the container, and answers where.
pub(super) fn keep(holder: &NamespaceHolder, folder: &Path) -> Result<PathBuf> {
    let place = place(folder);
    fs::write(&place, "")?;
    let failed = |errno: rustix::io::Errno| {
        Error::from(std::io::Error::from(errno))
            .context(format!("keeping a user namespace at {}", place.display()))
    };
    rustix::mount::mount_bind(holder.namespace("user"), &place).map_err(failed)?;
    rustix::mount::mount_change(&place, MountPropagationFlags::PRIVATE).map_err(failed)?;
    Ok(place)
}

/// Gives it up; what is not there is no error.
pub(super) fn release(folder: &Path) -> Result<()> {
    let place = place(folder);
    match rustix::mount::unmount(&place, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
        Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => Ok(()),
        Err(errno) => Err(Error::from(std::io::Error::from(errno)).context(place.display())),
    }
}
