//! Stopping.

use std::sync::Arc;

use cove_api::{ContainerState, Result, StopOptions};

use crate::container::lookup::Locked;
use crate::container::state::improper;
use crate::container::{prepare, signal, start};
use crate::engine::Core;

/// Its stop signal, then SIGKILL; then clears up. A container that does not run is no error.
pub(super) fn stop(core: &Arc<Core>, name: &str, options: &StopOptions) -> Result<()> {
    let Locked { mut row, lock } = core.locked_container(name)?;
    match row.state {
        ContainerState::Running | ContainerState::Stopping => {}
        ContainerState::Initialized => {
            return prepare::undo(core, &mut row);
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
                start::after_exit(core, &row.id)
            } else {
                Ok(())
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
    signal::end_process(core, &row, options.timeout.unwrap_or(row.config.stop_timeout))?;
    core.tell("stop", &row);
    start::after_exit(core, &row.id)
}

/// Stops a container as its own settings say, for its pod.
pub(crate) fn stop_container(core: &Arc<Core>, id: &str) -> Result<()> {
    stop(core, id, &StopOptions::default())
}
