//! Which operation is legal in which state, and how the state follows reality.
//!
//! ```text
//!            attach             start
//! created ----------> initialized ----> running <--> paused
//!    |  \______________start____________^  |  \
//!    |                                     |   stopping (stop, until the process has ended)
//!    |                                     v  /
//!    |             start      cleanup   stopped (ended, not cleaned up)
//!    |      running <---- exited <---------'
//!    v                      v
//!  removing <---------------'
//! ```

use cove_api::{ContainerState, Error, ErrorKind, Result, Timestamp};
use cove_runtime::{ProcessRef, ProcessState};

use crate::engine::Core;
use crate::state::ContainerRow;

/// The exit code of a container whose monitor was killed before it knew.
pub(crate) const UNKNOWN_EXIT: i32 = -1;

/// The error for an operation that the state forbids, in podman's words.
pub(crate) fn improper(message: String) -> Error {
    Error::new(ErrorKind::WrongState, format!("{message}: container state improper"))
}

impl Core {
    /// Brings state and status of `row` in line with reality; true where something changed. Only who holds the lock
    /// ([`Core::sync`]) may keep that: others could write an old status over a newer one.
    pub(crate) fn refresh(&self, row: &mut ContainerRow) -> Result<bool> {
        if !row.state.is_alive() && row.state != ContainerState::Initialized {
            return Ok(false);
        }
        let before = (row.state, row.status.clone());
        if row.status.boot_id == self.boot_id() {
            self.refresh_running(row)?;
        } else {
            after_reboot(row, self.boot_id());
        }
        Ok(before.0 != row.state || before.1 != row.status)
    }

    fn refresh_running(&self, row: &mut ContainerRow) -> Result<()> {
        match self.runtime()?.state(&row.id)? {
            ProcessState::Running { process, monitor } => {
                row.status.pid = process.pid;
                row.status.pid_start = process.start_time;
                row.status.monitor_pid = monitor.pid;
                row.status.monitor_start = monitor.start_time;
                if row.state == ContainerState::Initialized {
                    row.state = ContainerState::Running;
                    began(row);
                }
            }
            ProcessState::Starting { .. } | ProcessState::Ending { .. } => {}
            ProcessState::Orphaned { .. } => {
                row.status.monitor_pid = 0;
                row.status.monitor_start = 0;
            }
            ProcessState::Exited(record) => {
                if row.state == ContainerState::Initialized {
                    began(row);
                    row.status.error = record.start_error.clone().unwrap_or_default();
                }
                ended(row, record.exit_code, record.finished_at_ns, record.oom_killed);
                row.status.started_at = row.status.started_at.min(row.status.finished_at);
            }
            ProcessState::Lost | ProcessState::Absent
                if row.state == ContainerState::Initialized && row.status.initialized => {}
            ProcessState::Lost | ProcessState::Absent if row.state == ContainerState::Initialized => {
                // Its monitor went with the command that had prepared it.
                row.state = if row.status.ran { ContainerState::Stopped } else { ContainerState::Created };
                forget_process(row);
            }
            ProcessState::Lost => lost(row),
            ProcessState::Absent => {
                // The run directory was emptied: the process itself is believed.
                let status = &row.status;
                let process = ProcessRef { pid: status.pid, start_time: status.pid_start };
                if !process.is_alive() {
                    lost(row);
                    return Ok(());
                }
                let monitor = ProcessRef { pid: status.monitor_pid, start_time: status.monitor_start };
                self.runtime()?.recall(&row.id, process, monitor)?;
            }
        }
        Ok(())
    }
}

fn lost(row: &mut ContainerRow) {
    let now = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default();
    ended(row, UNKNOWN_EXIT, now, false);
    row.status.error = "the exit code is not known: the container's monitor was killed".into();
}

/// The command that started it died before it could note that. A failed start counts too: what is removed at its end
/// has had one.
fn began(row: &mut ContainerRow) {
    row.status.ran = true;
    row.status.started_at = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default();
    row.status.finished_at = 0;
    row.status.exit_code = 0;
    row.status.oom_killed = false;
    row.status.error.clear();
}

/// The first process has ended; cleaning up comes later.
pub(crate) fn ended(row: &mut ContainerRow, exit_code: i32, finished_at: i64, oom_killed: bool) {
    row.state = ContainerState::Stopped;
    row.status.exit_code = exit_code;
    row.status.finished_at = finished_at;
    row.status.oom_killed = oom_killed;
    forget_process(row);
}

fn forget_process(row: &mut ContainerRow) {
    row.status.pid = 0;
    row.status.pid_start = 0;
    row.status.monitor_pid = 0;
    row.status.monitor_start = 0;
}

/// What a reboot leaves of a running container: nothing but its files. Namespace and mount stay noted, so that the
/// next start or removal gives back what a run directory that outlived the boot still has of them.
fn after_reboot(row: &mut ContainerRow, boot_id: &str) {
    row.status.ended_by_reboot = row.state.is_alive();
    row.state = if row.status.ran { ContainerState::Exited } else { ContainerState::Created };
    forget_process(row);
    row.status.boot_id = boot_id.to_owned();
    row.status.networks.clear();
    row.status.prepared = true;
    row.status.restarts = 0;
    if row.status.ran && row.status.finished_at < row.status.started_at {
        row.status.finished_at = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default();
        row.status.error = "the host was restarted while the container ran".into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_some_states_can_be_started_or_removed() {
        use ContainerState::{Created, Exited, Initialized, Paused, Removing, Running, Stopped, Stopping};
        for state in [Created, Initialized, Stopped, Exited] {
            assert!(state.can_start() && state.can_remove() && !state.is_alive());
        }
        for state in [Running, Paused, Stopping] {
            assert!(!state.can_start() && !state.can_remove() && state.is_alive());
        }
        assert!(Removing.can_remove() && !Removing.can_start());
    }

    #[test]
    fn a_reboot_ends_what_ran() {
        let mut row = ContainerRow {
            id: "a".into(),
            name: "b".into(),
            created: 0,
            state: ContainerState::Running,
            config: Default::default(),
            status: Default::default(),
        };
        row.status.ran = true;
        row.status.pid = 7;
        row.status.stopped_by_user = true;
        after_reboot(&mut row, "boot");
        assert_eq!(
            (row.state, row.status.pid, row.status.boot_id.as_str()),
            (ContainerState::Exited, 0, "boot")
        );
        // Which keeps one with `unless-stopped` from starting at boot.
        assert!(row.status.stopped_by_user);
    }
}
