//! The root file system of a container that may not run, and what is mounted over it.

use std::path::PathBuf;

use cove_api::{Mount, Result};

use crate::container::{create, prepare};
use crate::engine::Core;
use crate::sandbox;
use crate::state::ContainerRow;

/// Mounts its root file system, or counts one user more, and answers where.
pub(crate) fn ensure_mounted(core: &Core, row: &ContainerRow) -> Result<PathBuf> {
    sandbox::mount_root(core, &row.id, create::layer(row).as_ref(), row.config.rootfs.as_deref())
}

/// What it would find mounted over its root file system, outer mounts first.
pub(crate) fn settled(core: &Core, row: &ContainerRow, mountpoint: &std::path::Path) -> Result<Vec<Mount>> {
    let volumes = row.config.volumes.iter().map(|volume| prepare::planned(core, volume));
    let (mounts, changed) = sandbox::settle(&row.config, &volumes.collect::<Result<Vec<_>>>()?, mountpoint)?;
    for volume in &changed {
        core.database()?.note_filled(volume)?;
    }
    Ok(mounts)
}
