//! Removing containers, with all they used.

use std::sync::Arc;

use cove_api::{ContainerRemoveReport, ContainerState, Error, ErrorKind, RemoveOptions, Result, StringMap};

use crate::container::lookup::Locked;
use crate::container::state::improper;
use crate::container::{prepare, signal};
use crate::engine::{Core, remove_directory};
use crate::error::storage;
use crate::lock::ObjectLock;
use crate::sandbox::{self, Remains};
use crate::state::ContainerRow;

/// Removes a container and, with `depend`, those that depend on it first; a report for each.
pub(super) fn remove(
    core: &Arc<Core>,
    name: &str,
    options: &RemoveOptions,
) -> Result<Vec<ContainerRemoveReport>> {
    let id = match core.find_container(name) {
        Ok(row) if row.config.infra && options.depend => {
            return crate::pod::remove_with_infra(core, &row, options);
        }
        Ok(row) if row.config.infra => {
            return Err(Error::new(
                ErrorKind::InUse,
                format!(
                    "container {} is the infra container of pod {} and cannot be removed without removing the pod",
                    row.id, row.config.pod
                ),
            ));
        }
        Ok(row) => row.id,
        Err(error) if error.kind == ErrorKind::NotFound => {
            // Podman's words for it are others here.
            let missing =
                Error::not_found(format!("no container with ID or name {name:?} found: no such container"));
            return remove_external(core, name, options, missing);
        }
        Err(error) if options.force => core.database()?.unreadable(name)?.ok_or(error)?,
        Err(error) => return Err(error),
    };
    let mut reports = Vec::new();
    remove_with_dependents(core, &id, options, &mut reports, 0)?;
    Ok(reports)
}

/// Removes a container of a pod that is removed, whatever it is to the pod.
pub(crate) fn remove_whole(core: &Arc<Core>, id: &str, options: &RemoveOptions) -> Result<()> {
    remove_with_dependents(core, id, options, &mut Vec::new(), 0)
}

/// Removes a container that another tool has left in the store; `missing` is the error where there is none.
fn remove_external(
    core: &Core,
    name: &str,
    options: &RemoveOptions,
    missing: Error,
) -> Result<Vec<ContainerRemoveReport>> {
    let store = core.store()?;
    let Ok(container) = store.container(name) else { return Err(missing) };
    if core.database()?.container(&container.id)?.is_some() {
        return Err(missing);
    }
    let mounted = store.container_mount(&container.id).map_err(storage)?.is_some_and(|(_, count)| count > 0);
    if mounted && !options.force {
        return Err(Error::new(
            ErrorKind::InUse,
            format!(
                "container {:?} is mounted and cannot be removed without using force: container state improper",
                container.id
            ),
        ));
    }
    store.delete_container(&container.id).map_err(storage)?;
    Ok(vec![ContainerRemoveReport { id: container.id, error: None }])
}

fn remove_with_dependents(
    core: &Arc<Core>,
    id: &str,
    options: &RemoveOptions,
    reports: &mut Vec<ContainerRemoveReport>,
    depth: usize,
) -> Result<()> {
    let dependents = core.database()?.dependents(id)?;
    if !dependents.is_empty() {
        if !options.depend || depth > 64 {
            let ids: Vec<&str> = dependents.iter().map(|row| row.id.as_str()).collect();
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!(
                    "container {id} has dependent containers which must be removed before it: {}: container already exists",
                    ids.join(", ")
                ),
            ));
        }
        for dependent in dependents {
            match remove_with_dependents(core, &dependent.id, options, reports, depth + 1) {
                Err(error) if error.kind != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    remove_one(core, id, options)?;
    reports.push(ContainerRemoveReport { id: id.to_owned(), error: None });
    Ok(())
}

/// The error for a container that runs.
pub(crate) fn still_runs(row: &ContainerRow) -> Error {
    improper(format!(
        "cannot remove container {} as it is {} - running or paused containers cannot be removed without force",
        row.id, row.state
    ))
}

fn remove_one(core: &Arc<Core>, id: &str, options: &RemoveOptions) -> Result<()> {
    let Locked { mut row, mut lock } = match core.locked_container(id) {
        Err(_) if options.force && core.database()?.unreadable(id)?.is_some() => {
            return remove_unreadable(core, id, options.volumes);
        }
        locked => locked?,
    };
    if row.state.is_alive() {
        if !options.force {
            return Err(still_runs(&row));
        }
        if row.state == ContainerState::Paused
            && let Ok(oci) = core.oci_runtime(&row.config.runtime)
        {
            // A frozen process takes no signal.
            let _ = core.runtime()?.unpause(&oci, &row.id);
        }
        row.state = ContainerState::Stopping;
        row.status.stopped_by_user = true;
        core.save(&row)?;
        drop(lock);
        if let Err(error) =
            signal::end_process(core, &row, options.timeout.unwrap_or(row.config.stop_timeout))
        {
            return Err(
                error.context(format!("cannot remove container {} as it could not be stopped", row.id))
            );
        }
        match core.locked_container(id) {
            Ok(again) => Locked { row, lock } = again,
            // Its own --rm was faster.
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
        if row.state.is_alive() {
            let oci = core.oci_runtime(&row.config.runtime)?;
            core.runtime()?.force_delete(&oci, &row.id)?;
        }
    }
    remove_locked(core, row, lock, options.volumes, options.force)
}

/// Removes one whose lock is held, as `--rm` and `--rmi` say.
pub(super) fn by_itself(core: &Arc<Core>, locked: Locked) -> Result<()> {
    let Locked { row, lock } = locked;
    let image = row.config.remove_image.then(|| row.config.image.id.clone());
    remove_locked(core, row, lock, true, false)?;
    if let Some(image) = image {
        remove_unused_image(core, &image)?;
    }
    Ok(())
}

/// An image that other containers use stays.
fn remove_unused_image(core: &Core, id: &str) -> Result<()> {
    match core.store()?.delete_image(id) {
        Ok(_)
        | Err(cove_storage::StorageError::ImageInUse { .. } | cove_storage::StorageError::ImageNotFound(_)) => {
            Ok(())
        }
        Err(error) => Err(storage(error)),
    }
}

/// Removes a container whose record cannot be read, by its id alone; a failure to give something back is only traced.
fn remove_unreadable(core: &Arc<Core>, id: &str, volumes: bool) -> Result<()> {
    let lock = core.lock_container(id)?;
    drop(core.take_prepared(id));
    if core.runtime()?.signal(id, 9)? {
        let _ = core.runtime()?.wait(id, Some(signal::AFTER_KILL));
    }
    let folder = core.container_run_dir(id);
    for error in sandbox::release(
        core,
        &Remains { id, folder, scratch: prepare::scratch(core, id), runtime: "", network: true, layer: true },
    ) {
        tracing::warn!("cleaning up container {id}: {error}");
    }
    let anonymous = if volumes { core.database()?.anonymous_volumes_of(id)? } else { Vec::new() };
    take_away(core, id, true, true)?;
    core.events.write("container", "remove", id, StringMap::new());
    lock.remove();
    remove_volumes(core, id, anonymous.iter());
    Ok(())
}

/// Takes everything away. With `force` a failure to give something back is only traced: the container goes.
fn remove_locked(
    core: &Arc<Core>,
    mut row: ContainerRow,
    lock: ObjectLock,
    volumes: bool,
    force: bool,
) -> Result<()> {
    if row.state != ContainerState::Removing {
        let held =
            matches!(row.state, ContainerState::Stopped | ContainerState::Initialized) || row.status.prepared;
        if held {
            drop(core.take_prepared(&row.id));
            if let Err(error) = prepare::release(core, &mut row) {
                if !force {
                    return Err(error.context(format!("cleaning up container {}", row.id)));
                }
                tracing::warn!("cleaning up container {}: {error}", row.id);
            }
        }
        row.state = ContainerState::Removing;
        core.save(&row)?;
    }
    take_away(core, &row.id, row.config.rootfs.is_none(), force)?;
    core.tell_with_exit_code("remove", &row);
    lock.remove();
    if volumes {
        let anonymous = row.config.volumes.iter().filter(|volume| volume.anonymous);
        remove_volumes(core, &row.id, anonymous.map(|volume| &volume.name));
    }
    Ok(())
}

/// What lasts of a container: its layer, its folders, its row.
fn take_away(core: &Core, id: &str, has_layer: bool, force: bool) -> Result<()> {
    if has_layer {
        match core.store()?.delete_container(id) {
            Ok(()) | Err(cove_storage::StorageError::ContainerNotFound(_)) => {}
            // With force the container goes; what could not be deleted is left to the store's own repair.
            Err(error) if force => tracing::warn!("removing container {id} root filesystem: {error}"),
            Err(error) => {
                return Err(storage(error).context(format!("removing container {id} root filesystem")));
            }
        }
    }
    remove_directory(&core.container_dir(id))?;
    remove_directory(&core.container_run_dir(id))?;
    super::health::forget(core, id)?;
    core.database()?.remove_container(id)?;
    // Those who wait for its next start wait in vain.
    drop(core.take_waiting(id));
    Ok(())
}

/// The volumes that go with a container; others may use them by now (`--volumes-from`).
fn remove_volumes<'a>(core: &Arc<Core>, id: &str, names: impl Iterator<Item = &'a String>) {
    for name in names {
        match crate::volume::remove_unused(core, name) {
            Err(error) if !matches!(error.kind, ErrorKind::InUse | ErrorKind::NotFound) => {
                tracing::warn!("anonymous volume {name} of container {id}: {error}");
            }
            _ => {}
        }
    }
}
