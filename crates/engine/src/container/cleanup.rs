//! After the end of a container's process: giving back what it used, its restart policy, `--rm`.

use std::sync::Arc;
use std::time::Duration;

use cove_api::{ContainerState, Error, Result};

use crate::container::lookup::Locked;
use crate::container::{bundle, remove, start};
use crate::engine::{Core, remove_directory};
use crate::error::{joined, storage};
use crate::state::{ContainerRow, NetworkMode};

/// First pause before a restart; it doubles with each one up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Longest pause before a restart.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What a monitor's exit command does, and whoever supervises a run: clears up, then restarts or removes by the
/// container's settings. One that runs is left alone.
pub(super) fn cleanup(core: &Arc<Core>, name: &str) -> Result<()> {
    after_exit(core, name)
}

/// Clears up after an end that has just happened.
pub(super) fn after_exit(core: &Arc<Core>, name: &str) -> Result<()> {
    let locked = match core.locked_container(name) {
        Ok(locked) => locked,
        // Removed by somebody else.
        Err(error) if error.kind == cove_api::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let Locked { mut row, lock } = locked;
    if row.state.is_alive() || row.state == ContainerState::Initialized {
        return Ok(());
    }
    let ended_now = row.state == ContainerState::Stopped;
    let result = if ended_now { release(core, &mut row) } else { Ok(()) };
    if let Err(error) = &result {
        tracing::warn!("cleaning up container {}: {error}", row.id);
    }
    if ended_now && should_restart(&row) {
        drop(lock);
        return restart(core, &row);
    }
    if row.config.auto_remove && row.status.ran {
        drop(lock);
        return remove::after_exit(core, &row.id);
    }
    result
}

/// Finishes what nobody else will: the end of a container whose monitor is gone and whose exit command was killed or
/// never came, and a start whose command was killed. Answers what is left of it. Never waits for another command.
pub(super) fn heal(core: &Arc<Core>, row: ContainerRow) -> Option<ContainerRow> {
    let needs_it = |row: &ContainerRow| match row.state {
        ContainerState::Stopped => true,
        ContainerState::Exited => row.config.auto_remove && row.status.ran,
        // Half prepared, by a command that ended before the start.
        ContainerState::Created => row.status.prepared,
        _ => false,
    };
    if !needs_it(&row) {
        return Some(row);
    }
    let finish = || -> Result<Option<ContainerRow>> {
        // With a monitor, or the lock, somebody is at it.
        if core.runtime()?.has_monitor(&row.id)? || !core.is_unlocked(&row.id) {
            return Ok(Some(row.clone()));
        }
        let mut locked = core.locked_container(&row.id)?;
        if !needs_it(&locked.row) || core.runtime()?.has_monitor(&row.id)? {
            return Ok(Some(locked.row));
        }
        if locked.row.state == ContainerState::Created {
            undo(core, &mut locked.row)?;
        }
        if locked.row.config.auto_remove {
            remove::by_itself(core, locked)?;
            return Ok(None);
        }
        Ok(Some(locked.row))
    };
    match finish() {
        Ok(left) => left,
        Err(error) if error.kind == cove_api::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!("cleaning up container {}: {error}", row.id);
            Some(row)
        }
    }
}

/// Gives back network, mounts and run-time files; the state becomes exited. Tries everything.
pub(super) fn release(core: &Core, row: &mut ContainerRow) -> Result<()> {
    let errors = release_parts(core, row);
    row.state = ContainerState::Exited;
    core.save(row)?;
    core.database()?.remove_execs_of(&row.id)?;
    core.tell("cleanup", row);
    joined(errors)
}

/// Undoes the preparation of a container that was not started.
pub(super) fn undo(core: &Core, row: &mut ContainerRow) -> Result<()> {
    drop(core.take_prepared(&row.id));
    let errors = release_parts(core, row);
    row.state = if row.status.ran { ContainerState::Exited } else { ContainerState::Created };
    core.save(row)?;
    joined(errors)
}

/// Takes apart whatever there may be, from the container's id alone.
fn release_parts(core: &Core, row: &mut ContainerRow) -> Vec<Error> {
    let mut errors: Vec<Error> = Vec::new();
    let mut note = |result: Result<()>| errors.extend(result.err());
    // A process that lost its monitor, and the OCI runtime's state of one that ended badly.
    note((|| {
        let runtime = core.runtime()?;
        if !matches!(runtime.state(&row.id)?, cove_runtime::ProcessState::Absent) {
            let oci = core.oci_runtime(&row.config.runtime)?;
            runtime.force_delete(&oci, &row.id)?;
            runtime.forget(&row.id)?;
        }
        Ok(())
    })());
    let networked = matches!(
        row.config.network,
        NetworkMode::Bridge | NetworkMode::Private | NetworkMode::Pasta | NetworkMode::Slirp
    );
    if !row.status.netns.is_empty() || (row.status.prepared && networked) {
        note(release_network(core, row));
    }
    if row.config.spec.rootfs.is_empty() && (!row.status.mountpoint.is_empty() || row.status.prepared) {
        note((|| {
            let store = core.store()?;
            match store.unmount_container(&row.id, true) {
                Ok(_)
                | Err(
                    cove_storage::StorageError::NotMounted(_)
                    | cove_storage::StorageError::ContainerNotFound(_),
                ) => Ok(()),
                Err(error) => Err(storage(error)),
            }
        })());
    }
    row.status.mountpoint.clear();
    note(bundle::release(core, &row.id));
    note(remove_directory(&core.container_run_dir(&row.id)));
    row.status.prepared = false;
    errors
}

fn release_network(core: &Core, row: &mut ContainerRow) -> Result<()> {
    let networks = core.networks()?;
    let mut errors = Vec::new();
    errors.extend(networks.teardown(&row.id).err().map(Error::from));
    errors.extend(networks.remove_netns(&row.id).err().map(Error::from));
    row.status.networks.clear();
    row.status.netns.clear();
    joined(errors)
}

/// What the restart policy says about the end that has just happened.
fn should_restart(row: &ContainerRow) -> bool {
    if row.status.stopped_by_user {
        return false;
    }
    match row.config.restart.name.as_str() {
        "always" | "unless-stopped" => true,
        "on-failure" => {
            row.status.exit_code != 0
                && (row.config.restart.tries == 0 || row.status.restarts < row.config.restart.tries)
        }
        _ => false,
    }
}

fn restart(core: &Arc<Core>, row: &ContainerRow) -> Result<()> {
    let ran_for =
        Duration::from_nanos(u64::try_from(row.status.finished_at - row.status.started_at).unwrap_or(0));
    // One that ran for a while is no fault to be slow about.
    let restarts = if ran_for > Duration::from_secs(10) { 0 } else { row.status.restarts.min(16) };
    std::thread::sleep(FIRST_PAUSE.saturating_mul(1 << restarts).min(LONGEST_PAUSE));
    let Locked { mut row, lock: _lock } = match core.locked_container(&row.id) {
        Ok(locked) => locked,
        Err(error) if error.kind == cove_api::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    // A user may have stopped, started or removed it during the pause.
    if row.state != ContainerState::Exited || row.status.stopped_by_user {
        return Ok(());
    }
    row.status.restarts += 1;
    core.tell("restart", &row);
    start::start_locked(core, &mut row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(policy: &str, tries: u32, exit_code: i32, restarts: u32, stopped: bool) -> ContainerRow {
        let mut row = ContainerRow {
            id: "a".into(),
            name: "b".into(),
            created: 0,
            state: ContainerState::Stopped,
            config: Default::default(),
            status: Default::default(),
        };
        row.config.restart.name = policy.into();
        row.config.restart.tries = tries;
        row.status.exit_code = exit_code;
        row.status.restarts = restarts;
        row.status.stopped_by_user = stopped;
        row
    }

    #[test]
    fn restart_policies() {
        assert!(!should_restart(&row("", 0, 1, 0, false)));
        assert!(!should_restart(&row("no", 0, 1, 0, false)));
        assert!(should_restart(&row("always", 0, 0, 99, false)));
        assert!(!should_restart(&row("always", 0, 0, 0, true)));
        assert!(!should_restart(&row("on-failure", 0, 0, 0, false)));
        assert!(should_restart(&row("on-failure", 3, 1, 2, false)));
        assert!(!should_restart(&row("on-failure", 3, 1, 3, false)));
    }
}
