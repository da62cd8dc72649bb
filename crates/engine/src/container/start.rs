//! Starting a container, supervising its run, and starting it again.

use std::sync::Arc;

use cove_api::{ContainerState, Error, ErrorKind, Result, Timestamp};
use cove_runtime::{Launch, Started, Supervision};

use crate::container::end::{self, Next};
use crate::container::lookup::Locked;
use crate::container::state::{UNKNOWN_EXIT, improper};
use crate::container::{notify, prepare};
use crate::engine::Core;
use crate::state::{CheckpointStatus, ContainerRow};

/// Starts a container; one that runs is no error.
pub(super) fn start(core: &Arc<Core>, name: &str) -> Result<()> {
    start_counted(core, name, |_| 0)
}

/// Starts a container that was stopped because it was not well, which counts as its starts by the restart policy do.
pub(super) fn again(core: &Arc<Core>, name: &str) -> Result<()> {
    start_counted(core, name, |restarts| restarts.saturating_add(1))
}

fn start_counted(core: &Arc<Core>, name: &str, count: impl Fn(u32) -> u32) -> Result<()> {
    let Locked { mut row, lock: _lock } = core.locked_container(name)?;
    if row.state == ContainerState::Running {
        return Ok(());
    }
    if !row.state.can_start() {
        return Err(improper(format!(
            "container {} must be in Created or Stopped state to be started",
            row.id
        )));
    }
    row.status.stopped_by_user = false;
    row.status.restarts = count(row.status.restarts);
    start_locked(core, &mut row)
}

/// Prepares the start of a container: mounts, network and files stay until it is started or removed. Whoever starts it
/// makes another monitor.
pub(super) fn init(core: &Arc<Core>, name: &str) -> Result<()> {
    let Locked { mut row, lock: _lock } = core.locked_container(name)?;
    if !matches!(row.state, ContainerState::Created | ContainerState::Exited | ContainerState::Stopped) {
        return Err(improper(format!("container {} has already been created in runtime", row.id)));
    }
    start_dependencies(core, &row)?;
    drop(prepare::prepare(core, &mut row)?);
    row.status.initialized = true;
    core.save(&row)
}

/// Starts a container whose lock is held and whose state allows it.
fn start_locked(core: &Arc<Core>, row: &mut ContainerRow) -> Result<()> {
    let started = prepare_and_start(core, row);
    // One that cannot be started is not tried for ever.
    if started.is_err() && row.status.restart_due != 0 {
        row.status.restart_due = 0;
        core.save(row)?;
    }
    started
}

fn prepare_and_start(core: &Arc<Core>, row: &mut ContainerRow) -> Result<()> {
    start_dependencies(core, row)?;
    let prepared = core.take_prepared(&row.id).filter(|_| row.state == ContainerState::Initialized);
    let launch = match prepared {
        Some(launch) => launch,
        None => prepare::prepare(core, row)?,
    };
    launched(core, row, launch, false)
}

/// Has a monitor that waits begin, or go on from a checkpoint, and watches the run.
pub(super) fn launched(
    core: &Arc<Core>,
    row: &mut ContainerRow,
    launch: Launch,
    restored: bool,
) -> Result<()> {
    notify::starting(core, row, launch.monitor().pid);
    // Before the process is there: whoever asks for its log since then gets all of it, as with Docker.
    let began = Timestamp::now();
    match launch.start() {
        Ok(started) => {
            note_started(core, row, &started, began, restored)?;
            supervise(core, &row.id, started.supervision);
            Ok(())
        }
        Err(error) => {
            let error = Error::from(error);
            row.status.error.clone_from(&error.message);
            row.status.exit_code = match error.kind {
                ErrorKind::CommandNotFound => 127,
                ErrorKind::CommandNotExecutable => 126,
                _ => 125,
            };
            if let Err(second) = prepare::undo(core, row) {
                tracing::warn!("cleaning up container {} after a failed start: {second}", row.id);
            }
            Err(error)
        }
    }
}

fn note_started(
    core: &Core,
    row: &mut ContainerRow,
    started: &Started,
    began: Timestamp,
    restored: bool,
) -> Result<()> {
    row.state = ContainerState::Running;
    row.status.pid = started.process.pid;
    row.status.pid_start = started.process.start_time;
    row.status.monitor_pid = started.monitor.pid;
    row.status.monitor_start = started.monitor.start_time;
    row.status.started_at = i64::try_from(began.as_nanosecond()).unwrap_or_default();
    row.status.finished_at = 0;
    row.status.exit_code = 0;
    row.status.oom_killed = false;
    row.status.ran = true;
    row.status.restart_due = 0;
    row.status.ended_by_reboot = false;
    row.status.error.clear();
    // Whatever checkpoint there is, this is not its state any more.
    let restored_at = if restored { row.status.started_at } else { 0 };
    row.status.checkpoint = CheckpointStatus { restored_at, ..CheckpointStatus::default() };
    core.save(row)?;
    core.tell("start", row);
    notify::started(core, row);
    Ok(())
}

/// Containers whose namespaces it shares must run first.
pub(super) fn start_dependencies(core: &Arc<Core>, row: &ContainerRow) -> Result<()> {
    for id in &row.config.dependencies {
        let mut needed = core.find_container(id)?;
        core.refresh(&mut needed)?;
        if needed.state.can_start() {
            start(core, id)
                .map_err(|error| error.context(format!("starting dependency {id} of {}", row.id)))?;
        }
    }
    Ok(())
}

/// Watches a run from this process for as long as it lives: clears up at the end, and tells the monitor that
/// nobody else need.
fn supervise(core: &Arc<Core>, id: &str, supervision: Supervision) {
    let watched = core.supervised.watch(id);
    let worker = {
        let core = Arc::clone(core);
        let id = id.to_owned();
        move || {
            let code = match supervision.wait_exit() {
                Ok(record) => {
                    let _ = supervision.wait_cleaned();
                    record.exit_code
                }
                // The monitor was killed; the process may live on.
                Err(_) => core
                    .runtime()
                    .ok()
                    .and_then(|runtime| runtime.wait(&id, None).ok())
                    .map_or(UNKNOWN_EXIT, |record| record.exit_code),
            };
            match after_exit(&core, &id) {
                Ok(()) => {
                    let _ = supervision.acknowledge();
                }
                // Without the acknowledgement the monitor's exit command tries again.
                Err(error) => tracing::warn!("cleaning up container {id}: {error}"),
            }
            watched.ended(code);
        }
    };
    let thread = std::thread::Builder::new().name("supervise".into()).stack_size(512 << 10).spawn(worker);
    if let Err(error) = thread {
        // The monitor's exit command does it then, as the closure and with it the connection is dropped.
        tracing::warn!("supervising container {id}: {error}");
    }
}

/// What a monitor's exit command does, and whoever supervises a run: clears up, then restarts or removes by the
/// container's settings. One that runs is left alone.
pub(super) fn after_exit(core: &Arc<Core>, name: &str) -> Result<()> {
    let locked = match core.locked_container(name) {
        Ok(locked) => locked,
        // Removed by somebody else.
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let id = locked.row.id.clone();
    let pod = if !locked.row.config.is_ordinary() { String::new() } else { locked.row.config.pod.clone() };
    match end::settle(core, locked)? {
        Next::Restart => restart_in_time(core, &id),
        Next::Nothing | Next::Removed if !pod.is_empty() => crate::pod::after_member(core, &pod),
        Next::Nothing | Next::Removed => Ok(()),
    }
}

/// Waits until a restart is due, without the lock, and starts it unless somebody has changed that meanwhile.
fn restart_in_time(core: &Arc<Core>, id: &str) -> Result<()> {
    loop {
        let Some(row) = core.database()?.container(id)? else { return Ok(()) };
        if !end::restart_is_due(core, &row) {
            return Ok(());
        }
        let left = end::until_restart(&row);
        if left.is_zero() {
            return restart(core, id);
        }
        std::thread::sleep(left);
    }
}

/// Starts a container whose restart is due; somebody may have been faster.
pub(super) fn restart(core: &Arc<Core>, id: &str) -> Result<()> {
    let Locked { mut row, lock: _lock } = match core.locked_container(id) {
        Ok(locked) => locked,
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !end::restart_is_due(core, &row) {
        return Ok(());
    }
    row.status.restarts += 1;
    core.tell("restart", &row);
    start_locked(core, &mut row)
}
