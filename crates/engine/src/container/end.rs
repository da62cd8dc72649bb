//! After the end of a container's process: giving back what it used, and what follows.

use std::sync::Arc;
use std::time::Duration;

use cove_api::{ContainerState, Result, Timestamp};

use crate::container::lookup::Locked;
use crate::container::{checkpoint, prepare, remove};
use crate::engine::Core;
use crate::state::{ContainerRow, RestartPolicy};

/// First pause before a restart; it doubles with each one up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Longest pause before a restart.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What is left to do with a container that does not run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    Nothing,
    /// It is to be started again when [`crate::state::ContainerStatus::restart_due`] has come.
    Restart,
    /// It went, as `--rm` says.
    Removed,
}

/// Gives back what a container used that has ended, and does what its settings say, but for the restart, which is
/// noted in its record. One that runs is left alone; doing it twice does no harm.
pub(super) fn settle(core: &Arc<Core>, locked: Locked) -> Result<Next> {
    let Locked { mut row, lock } = locked;
    if row.state.is_alive() || row.state == ContainerState::Initialized {
        return Ok(Next::Nothing);
    }
    let mut released = Ok(());
    if row.state == ContainerState::Stopped {
        if let Err(error) = checkpoint::complete(core, &mut row) {
            tracing::warn!("completing the checkpoint of container {}: {error}", row.id);
        }
        if should_restart(&row) {
            // Saved together with the new state: whoever dies from now on leaves a record that says it.
            row.status.restart_due = nanoseconds_after(pause(&row));
        }
        released = prepare::release(core, &mut row);
        if let Err(error) = &released {
            tracing::warn!("cleaning up container {}: {error}", row.id);
        }
    }
    if restart_is_due(core, &row) {
        return Ok(Next::Restart);
    }
    // One that is to go on is not removed.
    let checkpointed = row.status.checkpoint.under_way || row.status.checkpoint.made_at != 0;
    if row.config.auto_remove && row.status.ran && row.state.can_remove() && !checkpointed {
        return remove::by_itself(core, Locked { row, lock }).map(|()| Next::Removed);
    }
    released.map(|()| Next::Nothing)
}

/// Whether it is to be started again, now or later. A restart from before a reboot is not.
pub(super) fn restart_is_due(core: &Core, row: &ContainerRow) -> bool {
    row.state == ContainerState::Exited
        && row.status.restart_due > 0
        && !row.status.stopped_by_user
        && row.status.boot_id == core.boot_id()
}

/// Time until it is to be started again.
pub(super) fn until_restart(row: &ContainerRow) -> Duration {
    let left = row.status.restart_due.saturating_sub(nanoseconds_after(Duration::ZERO));
    // The clock may have been set back.
    Duration::from_nanos(u64::try_from(left).unwrap_or(0)).min(LONGEST_PAUSE)
}

fn nanoseconds_after(pause: Duration) -> i64 {
    let now = Timestamp::now().as_nanosecond();
    let pause = i128::try_from(pause.as_nanos()).unwrap_or_default();
    i64::try_from(now + pause).unwrap_or(i64::MAX)
}

/// What the restart policy says about the end that has just happened.
fn should_restart(row: &ContainerRow) -> bool {
    if row.status.stopped_by_user {
        return false;
    }
    match row.config.restart {
        RestartPolicy::No => false,
        RestartPolicy::Always | RestartPolicy::UnlessStopped => true,
        RestartPolicy::OnFailure { tries } => {
            row.status.exit_code != 0 && (tries == 0 || row.status.restarts < tries)
        }
    }
}

fn pause(row: &ContainerRow) -> Duration {
    let ran_for =
        Duration::from_nanos(u64::try_from(row.status.finished_at - row.status.started_at).unwrap_or(0));
    // One that ran for a while is no fault to be slow about.
    let restarts = if ran_for > Duration::from_secs(10) { 0 } else { row.status.restarts.min(16) };
    FIRST_PAUSE.saturating_mul(1 << restarts).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(restart: RestartPolicy, exit_code: i32, restarts: u32, stopped: bool) -> ContainerRow {
        let mut row = ContainerRow {
            id: "a".into(),
            name: "b".into(),
            created: 0,
            state: ContainerState::Stopped,
            config: Default::default(),
            status: Default::default(),
        };
        row.config.restart = restart;
        row.status.exit_code = exit_code;
        row.status.restarts = restarts;
        row.status.stopped_by_user = stopped;
        row
    }

    #[test]
    fn restart_policies() {
        let tries = |tries| RestartPolicy::OnFailure { tries };
        assert!(!should_restart(&row(RestartPolicy::No, 1, 0, false)));
        assert!(should_restart(&row(RestartPolicy::Always, 0, 99, false)));
        assert!(!should_restart(&row(RestartPolicy::Always, 0, 0, true)));
        assert!(!should_restart(&row(tries(0), 0, 0, false)));
        assert!(should_restart(&row(tries(3), 1, 2, false)));
        assert!(!should_restart(&row(tries(3), 1, 3, false)));
    }

    #[test]
    fn pauses_grow_to_a_limit() {
        let of = |restarts| pause(&row(RestartPolicy::Always, 1, restarts, false));
        assert_eq!((of(0), of(3), of(99)), (FIRST_PAUSE, FIRST_PAUSE * 8, LONGEST_PAUSE));
        let mut waiting = row(RestartPolicy::Always, 1, 0, false);
        waiting.status.restart_due = i64::MAX;
        assert_eq!(until_restart(&waiting), LONGEST_PAUSE);
        waiting.status.restart_due = 1;
        assert_eq!(until_restart(&waiting), Duration::ZERO);
    }
}
