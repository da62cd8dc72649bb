//! Signals to containers, and freezing them.

use std::sync::Arc;
use std::time::Duration;

use cove_api::{ContainerState, Error, ErrorKind, Result};

use crate::container::lookup::Locked;
use crate::container::state::improper;
use crate::engine::Core;
use crate::lock::ObjectLock;
use crate::state::{ContainerRow, NamespaceMode};

/// How long SIGKILL may take to end a process.
pub(super) const AFTER_KILL: Duration = Duration::from_secs(60);

/// Ends the first process: the stop signal, and SIGKILL after `timeout` seconds (at once for 0).
pub(super) fn end_process(core: &Core, row: &ContainerRow, timeout: u32) -> Result<()> {
    let runtime = core.runtime()?;
    if timeout > 0 {
        if !runtime.signal(&row.id, row.config.stop_signal)? {
            return Ok(());
        }
        match runtime.wait(&row.id, Some(Duration::from_secs(u64::from(timeout)))) {
            Err(cove_runtime::Error::Timeout { .. }) => {
                tracing::warn!(
                    "StopSignal {} failed to stop container {} in {timeout} seconds, resorting to SIGKILL",
                    cove_api::signal::name(row.config.stop_signal),
                    row.name
                );
            }
            // Ended, or gone in a way that a look at the state will tell.
            _ => return Ok(()),
        }
    }
    if !runtime.signal(&row.id, 9)? {
        return Ok(());
    }
    if row.config.namespaces.pid != NamespaceMode::Private
        && let Ok(oci) = core.oci_runtime(&row.config.runtime)
    {
        // Without a pid namespace of its own the other processes live on.
        let _ = runtime.signal_all(&oci, &row.id, 9);
    }
    match runtime.wait(&row.id, Some(AFTER_KILL)) {
        Err(cove_runtime::Error::Timeout { .. }) => Err(Error::new(
            ErrorKind::Timeout,
            format!("container {} did not end within {} seconds of SIGKILL", row.id, AFTER_KILL.as_secs()),
        )),
        _ => Ok(()),
    }
}

/// Sends a signal. Waits for no lock, so it works while another command stops the container.
pub(super) fn kill(core: &Arc<Core>, name: &str, signal: i32) -> Result<()> {
    if !(1..=64).contains(&signal) {
        return Err(Error::invalid(format!("invalid signal: {signal}")));
    }
    let mut row = core.find_container(name)?;
    core.refresh(&mut row)?;
    if !row.state.is_alive() {
        return Err(dead(&row));
    }
    note_user(core, &row.id)?;
    if !core.runtime()?.signal(&row.id, signal)? {
        row.state = ContainerState::Stopped;
        return Err(dead(&row));
    }
    let mut attributes = core.event_attributes(&row);
    attributes.insert("signal".into(), signal.to_string());
    core.events.write("container", "kill", &row.id, attributes);
    if signal == 9 {
        // Whoever kills expects it to be gone afterwards.
        let _ = core.runtime()?.wait(&row.id, Some(AFTER_KILL));
    }
    Ok(())
}

fn dead(row: &ContainerRow) -> Error {
    improper(format!("can only kill running containers. {} is in state {}", row.id, row.state))
}

/// Keeps in mind that a user ended it, which the restart policy heeds. Before the signal, as the end may come at
/// once; where somebody else holds the lock, that one stops or removes it anyway.
fn note_user(core: &Core, id: &str) -> Result<()> {
    let Some(_lock) = ObjectLock::try_acquire(&core.options.run_dir().join("locks"), id) else {
        return Ok(());
    };
    if let Some(mut row) = core.database()?.container(id)?
        && !row.status.stopped_by_user
    {
        row.status.stopped_by_user = true;
        core.save(&row)?;
    }
    Ok(())
}

/// Freezes it.
pub(crate) fn pause(core: &Arc<Core>, name: &str) -> Result<()> {
    let Locked { mut row, lock: _lock } = core.locked_container(name)?;
    match row.state {
        ContainerState::Running => {}
        ContainerState::Paused => return Err(improper(format!("{:?} is already paused", row.id))),
        state => return Err(improper(format!("{:?} is not running, can't pause", state.as_str()))),
    }
    let oci = core.oci_runtime(&row.config.runtime)?;
    core.runtime()?.pause(&oci, &row.id)?;
    row.state = ContainerState::Paused;
    core.save(&row)?;
    core.tell("pause", &row);
    Ok(())
}

/// Thaws it.
pub(crate) fn unpause(core: &Arc<Core>, name: &str) -> Result<()> {
    let Locked { mut row, lock: _lock } = core.locked_container(name)?;
    if row.state != ContainerState::Paused {
        return Err(improper(format!("{:?} is not paused, can't unpause", row.id)));
    }
    let oci = core.oci_runtime(&row.config.runtime)?;
    core.runtime()?.unpause(&oci, &row.id)?;
    row.state = ContainerState::Running;
    core.save(&row)?;
    core.tell("unpause", &row);
    Ok(())
}
