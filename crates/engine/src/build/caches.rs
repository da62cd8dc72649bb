//! Cache mounts: where they are, and taking them away.

use std::path::PathBuf;

use cove_api::{PruneReport, Result};
use cove_sys::fs;

use crate::engine::{Core, remove_directory};
use crate::lock::ObjectLock;

/// How the name of one begins that is being removed.
const REMOVED: &str = ".removed-";

/// Where the cache mounts of builds are.
pub(super) struct Places {
    /// The caches.
    pub(super) folder: PathBuf,
    /// Their locks: whoever uses one holds its lock, alone or together with others.
    pub(super) locks: PathBuf,
}

impl Places {
    /// Those of an engine.
    pub(super) fn of(core: &Core) -> Self {
        let options = &core.options;
        Self {
            folder: options.state_dir().join("build-cache"),
            locks: options.run_dir().join("build-caches"),
        }
    }
}

/// Removes the cache mounts that no build uses.
pub(crate) fn prune_caches(core: &Core) -> Result<Vec<PruneReport>> {
    let Places { folder, locks } = Places::of(core);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    crate::state::make_private(&locks)?;
    let mut reports = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(REMOVED) {
            // What was killed on the way.
            remove_directory(&path)?;
            continue;
        }
        let Some(lock) = ObjectLock::try_acquire(&locks, &name) else { continue };
        let size = cove_storage::tree_size(&path).unwrap_or_default();
        // In one step, so that nobody uses half of it.
        let doomed = folder.join(format!("{REMOVED}{name}"));
        remove_directory(&doomed)?;
        match fs::rename(&path, &doomed) {
            // Another has removed it while this one came to its lock.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                lock.remove();
                continue;
            }
            other => other?,
        }
        lock.remove();
        let error = remove_directory(&doomed).err().map(|error| error.message);
        reports.push(PruneReport { id: name, error, size });
    }
    Ok(reports)
}
