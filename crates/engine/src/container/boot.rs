//! After a reboot: what it has ended runs again, where its restart policy says so.

use std::sync::Arc;

use cove_api::{Error, Result};

use crate::container::start;
use crate::engine::Core;
use crate::state::{ContainerRow, RestartPolicy};

/// Starts the containers that the last reboot has ended and whose restart policy is `always` or `unless-stopped`. Tries
/// everything and answers what failed. A second call finds nothing to do.
pub(crate) fn start_after_reboot(core: &Arc<Core>) -> Result<Vec<Error>> {
    let rows = core.database()?.containers()?;
    let ended = rows.iter().filter(|row| is_to_run_again(row, core.boot_id()));
    let started = ended.map(|row| {
        start::start(core, &row.id).map_err(|error| error.context(format!("starting container {}", row.id)))
    });
    Ok(started.filter_map(Result::err).collect())
}

fn is_to_run_again(row: &ContainerRow, boot_id: &str) -> bool {
    let status = &row.status;
    let was_about_to_run = row.state.is_alive() || status.restart_due > 0;
    let ended = status.ended_by_reboot || (status.boot_id != boot_id && was_about_to_run);
    let policy = matches!(row.config.restart, RestartPolicy::Always | RestartPolicy::UnlessStopped);
    ended && policy && !status.stopped_by_user && !row.config.auto_remove
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_api::ContainerState;

    #[test]
    fn only_what_the_reboot_ended_runs_again() {
        let row = |policy, state, boot: &str, due: i64, stopped: bool| {
            let mut row = ContainerRow {
                id: "a".into(),
                name: "b".into(),
                created: 0,
                state,
                config: Default::default(),
                status: Default::default(),
            };
            row.config.restart = policy;
            row.status.boot_id = boot.into();
            row.status.restart_due = due;
            row.status.stopped_by_user = stopped;
            row
        };
        use ContainerState::{Exited, Running};
        use RestartPolicy::{Always, No, OnFailure, UnlessStopped};
        let is = |row: &ContainerRow| is_to_run_again(row, "now");
        assert!(is(&row(Always, Running, "before", 0, false)));
        assert!(is(&row(UnlessStopped, Exited, "before", 1, false)));
        assert!(!is(&row(Always, Running, "now", 0, false)));
        assert!(!is(&row(Always, Exited, "before", 0, false)));
        assert!(!is(&row(UnlessStopped, Running, "before", 0, true)));
        for policy in [No, OnFailure { tries: 0 }] {
            assert!(!is(&row(policy, Running, "before", 0, false)));
        }
        let mut looked_at = row(Always, Exited, "now", 0, false);
        looked_at.status.ended_by_reboot = true;
        assert!(is(&looked_at));
    }
}
