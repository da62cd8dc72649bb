//! Finishing what nobody else will.

use std::sync::Arc;

use cove_api::{ContainerState, ErrorKind, Result};

use crate::container::end::{self, Next};
use crate::container::{prepare, start};
use crate::engine::Core;
use crate::state::ContainerRow;

/// The end of a container whose monitor is gone and whose exit command was killed or never came, a start whose
/// command was killed, a restart that is overdue. Answers what is left of the container. Never waits for another
/// command.
pub(super) fn heal(core: &Arc<Core>, row: ContainerRow) -> Option<ContainerRow> {
    if !needs_it(core, &row) {
        return Some(row);
    }
    match finish(core, &row) {
        Ok(left) => left,
        Err(error) if error.kind == ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!("cleaning up container {}: {error}", row.id);
            Some(row)
        }
    }
}

/// Heals all but one, so that what they hold becomes free; whether there was anything to do.
pub(super) fn others(core: &Arc<Core>, id: &str) -> Result<bool> {
    let mut found = false;
    for mut row in core.database()?.containers()?.into_iter().filter(|row| row.id != id) {
        core.refresh(&mut row)?;
        // One that has ended and was cleaned up holds nothing; its restart is not for whoever holds a lock.
        if row.state != ContainerState::Exited && needs_it(core, &row) {
            found = true;
            heal(core, row);
        }
    }
    Ok(found)
}

fn needs_it(core: &Core, row: &ContainerRow) -> bool {
    match row.state {
        ContainerState::Stopped => true,
        ContainerState::Exited => {
            (row.config.auto_remove && row.status.ran && row.status.restart_due == 0)
                || (end::restart_is_due(core, row) && end::until_restart(row).is_zero())
        }
        // Half prepared, by a command that ended before the start.
        ContainerState::Created => row.status.prepared,
        _ => false,
    }
}

fn finish(core: &Arc<Core>, row: &ContainerRow) -> Result<Option<ContainerRow>> {
    // With a monitor, or the lock, somebody is at it.
    if core.runtime()?.has_monitor(&row.id)? || !core.is_unlocked(&row.id) {
        return Ok(Some(row.clone()));
    }
    let mut locked = core.locked_container(&row.id)?;
    if !needs_it(core, &locked.row) || core.runtime()?.has_monitor(&row.id)? {
        return Ok(Some(locked.row));
    }
    if locked.row.state == ContainerState::Created {
        prepare::undo(core, &mut locked.row)?;
        if locked.row.config.auto_remove {
            crate::container::remove::by_itself(core, locked)?;
            return Ok(None);
        }
        return Ok(Some(locked.row));
    }
    let overdue = locked.row.status.restart_due > 0;
    let next = end::settle(core, locked)?;
    if next != Next::Restart && !row.config.pod.is_empty() && row.config.is_ordinary() {
        crate::pod::after_member(core, &row.config.pod)?;
    }
    match next {
        Next::Removed => return Ok(None),
        // One that has just ended waits its pause: a later command starts it.
        Next::Restart if overdue => start::restart(core, &row.id)?,
        Next::Restart | Next::Nothing => {}
    }
    core.database().and_then(|database| Ok(database.container(&row.id)?))
}
