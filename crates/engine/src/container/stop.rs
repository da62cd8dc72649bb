//! Stopping.

use std::sync::Arc;

use cove_api::{ContainerState, Error, Result, StopOptions};

use crate::container::lookup::Locked;
use crate::container::state::improper;
use crate::container::{prepare, signal, start};
use crate::engine::Core;

/// Its stop signal, then SIGKILL; then clears up. A container that does not run is no error.
pub(super) fn stop(core: &Arc<Core>, name: &str, options: &StopOptions) -> Result<()> {
    end(core, name, options).map(drop)
}

/// As [`stop`], for a user, who is told where nobody knows how it ended.
pub(super) fn stop_watched(core: &Arc<Core>, name: &str, options: &StopOptions) -> Result<()> {
    match end(core, name, options)? {
        None => Ok(()),
        Some(id) => Err(Error::internal(format!(
            "container {id} conmon exited prematurely, exit code could not be retrieved: conmon process killed"
        ))),
    }
}

/// Answers the id of a container whose monitor was gone.
fn end(core: &Arc<Core>, name: &str, options: &StopOptions) -> Result<Option<String>> {
    let Locked { mut row, lock } = core.locked_container(name)?;
    match row.state {
        ContainerState::Running | ContainerState::Stopping => {}
        ContainerState::Initialized => {
            return prepare::undo(core, &mut row).map(|()| None);
        }
        ContainerState::Created | ContainerState::Stopped | ContainerState::Exited => {
            // A restart that is about to happen must not.
            if !row.status.stopped_by_user {
                row.status.stopped_by_user = true;
                row.status.restart_due = 0;
                core.save(&row)?;
            }
            drop(lock);
            return if row.state == ContainerState::Stopped {
                start::after_exit(core, &row.id).map(|()| None)
            } else {
                Ok(None)
            };
        }
        ContainerState::Paused
        | ContainerState::Removing
        | ContainerState::Storage
        | ContainerState::Unknown => {
            return Err(improper(format!(
                "can only stop created or running containers. {} is in state {}",
                row.id, row.state
            )));
        }
    }
    row.state = ContainerState::Stopping;
    row.status.stopped_by_user = true;
    core.save(&row)?;
    // The process may take its time; others may look, kill or clean up meanwhile.
    drop(lock);
    // One that has ended meanwhile has left its exit code, and its monitor is gone as it should be.
    let state = core.runtime()?.state(&row.id)?;
    let watched =
        !matches!(state, cove_runtime::ProcessState::Orphaned { .. } | cove_runtime::ProcessState::Lost);
    signal::end_process(core, &row, options.timeout.unwrap_or(row.config.stop_timeout))?;
    core.tell("stop", &row);
    start::after_exit(core, &row.id)?;
    Ok((!watched).then_some(row.id))
}

/// Stops a container as its own settings say, for its pod.
pub(crate) fn stop_container(core: &Arc<Core>, id: &str) -> Result<()> {
    stop(core, id, &StopOptions::default())
}
