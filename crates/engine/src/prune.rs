//! Pruning everything: what the traits' own pruning does, and what only the store knows of.

use cove_api::{Error, PruneReport, Result, SystemPruneOptions, SystemPruneReport, prune_system};

use crate::engine::{Core, LocalEngine, blocking};
use crate::error::storage;

/// The files by which a container of a build is known: Buildah's, and ours.
const BUILD_FILES: [&str; 2] = ["buildah.json", crate::build::BUILD_FILE];

/// Removes what nothing uses; with `external` only what interrupted commands left in the store.
pub(crate) async fn prune(engine: &LocalEngine, options: SystemPruneOptions) -> Result<SystemPruneReport> {
    if options.external {
        if options.all || options.volumes || options.build || !options.filters.is_empty() {
            return Err(Error::invalid("system prune --external cannot be combined with other options"));
        }
        blocking(&engine.core, |core| core.store()?.collect_garbage().map_err(storage)).await?;
        return Ok(SystemPruneReport::default());
    }
    let builds = if options.build { blocking(&engine.core, |core| builds(core)).await? } else { Vec::new() };
    let mut report = prune_system(engine, &options).await?;
    for build in builds.into_iter().rev() {
        report.reclaimed_space = report.reclaimed_space.saturating_add(build.size);
        report.container_prune_reports.insert(0, build);
    }
    Ok(report)
}

/// Removes the containers of builds.
fn builds(core: &Core) -> Result<Vec<PruneReport>> {
    let store = core.store()?;
    let mut reports = Vec::new();
    for container in store.containers().map_err(storage)?.iter() {
        let folder = store.container_directory(&container.id);
        if !BUILD_FILES.iter().any(|file| folder.join(file).exists()) {
            continue;
        }
        // One of a build that lives is in use.
        let lock = crate::build::lock_left(core, &container.id);
        if lock.is_none() && folder.join(crate::build::BUILD_FILE).exists() {
            continue;
        }
        let size = store.container_size(&container.id).unwrap_or(0);
        let error = store.delete_container(&container.id).err().map(|error| storage(error).message);
        let size = if error.is_none() { size } else { 0 };
        if let Some(lock) = lock {
            lock.remove();
        }
        reports.push(PruneReport { id: container.id.clone(), error, size });
    }
    Ok(reports)
}
