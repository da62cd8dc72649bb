//! Waiting for the end of a container, or for a state.

use std::sync::Arc;
use std::time::Duration;

use cove_api::{ContainerState, Error, ErrorKind, EventOptions, Result, WaitCondition, WaitOptions};
use futures_util::StreamExt as _;

use crate::container::state::UNKNOWN_EXIT;
use crate::engine::{Core, blocking};

/// Waits and answers the exit code; -1 where a condition has none.
pub(super) async fn wait(core: &Arc<Core>, name: &str, options: &WaitOptions) -> Result<i32> {
    let mut for_exit = options.conditions.is_empty();
    let mut states = Vec::new();
    let mut health = Vec::new();
    for condition in &options.conditions {
        match condition {
            WaitCondition::Healthy | WaitCondition::Unhealthy => health.push(condition.as_str()),
            WaitCondition::State(ContainerState::Exited | ContainerState::Stopped) => for_exit = true,
            WaitCondition::State(state) => states.push(*state),
        }
    }
    let wanted = name.to_owned();
    let found = blocking(core, move |core| Ok(core.find_container(&wanted).map(|row| row.id))).await?;
    let id = match found {
        Ok(id) => id,
        // Removed by itself already (`--rm`): its exit code is kept for those who know its id.
        Err(error)
            if (for_exit || states.contains(&ContainerState::Removing))
                && error.kind == ErrorKind::NotFound =>
        {
            return core.database()?.exit_code(name)?.ok_or(error);
        }
        Err(error) => return Err(error),
    };
    let exit = async { if for_exit { wait_for_exit(core, &id).await } else { std::future::pending().await } };
    let state = async {
        if states.is_empty() {
            std::future::pending().await
        } else {
            wait_for_state(core, &id, &states).await
        }
    };
    let well = async {
        if health.is_empty() {
            std::future::pending().await
        } else {
            wait_for_health(core, &id, &health).await
        }
    };
    tokio::select! {
        result = well => result,
        result = exit => result,
        result = state => result,
    }
}

async fn wait_for_exit(core: &Arc<Core>, id: &str) -> Result<i32> {
    if let Some(mut outcome) = core.supervised.outcome(id)
        && let Ok(code) = outcome.wait_for(Option::is_some).await
    {
        return Ok(code.unwrap_or(UNKNOWN_EXIT));
    }
    let id = id.to_owned();
    blocking(core, move |core| wait_blocking(core, &id)).await
}

fn wait_blocking(core: &Core, id: &str) -> Result<i32> {
    let Some(mut row) = core.database()?.container(id)? else { return kept_exit_code(core, id) };
    core.refresh(&mut row)?;
    if row.state == ContainerState::Initialized {
        // About to start; its monitor tells of the end all the same.
    } else if !row.state.is_alive() {
        return Ok(if row.status.ran || row.status.exit_code != 0 { row.status.exit_code } else { 0 });
    }
    match core.runtime()?.wait(id, None) {
        Ok(record) => Ok(record.exit_code),
        // Cleaned up between the two looks, or its monitor was killed.
        Err(_) => match core.database()?.container(id)? {
            Some(mut row) => {
                core.refresh(&mut row)?;
                Ok(row.status.exit_code)
            }
            None => kept_exit_code(core, id),
        },
    }
}

fn kept_exit_code(core: &Core, id: &str) -> Result<i32> {
    core.database()?
        .exit_code(id)?
        .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("container {id} has already been removed")))
}

/// How often health is looked at: its events may be turned off.
const HEALTH_INTERVAL: Duration = Duration::from_millis(200);

async fn wait_for_health(core: &Arc<Core>, id: &str, wanted: &[&str]) -> Result<i32> {
    loop {
        let id = id.to_owned();
        let found = blocking(core, move |core| {
            let row = core.find_container(&id)?;
            super::health::found(core, &row).ok_or_else(|| {
                Error::invalid(format!("container {id} has no defined healthcheck: it will never be healthy"))
            })
        });
        if wanted.contains(&found.await?.status.as_str()) {
            return Ok(-1);
        }
        tokio::time::sleep(HEALTH_INTERVAL).await;
    }
}

/// Every change of state is told as an event, which wakes this.
async fn wait_for_state(core: &Arc<Core>, id: &str, states: &[ContainerState]) -> Result<i32> {
    let mut filters = cove_api::Filters::new();
    filters.insert("container".into(), vec![id.to_owned()]);
    let mut events = core.events.follow(EventOptions { stream: true, filters, ..EventOptions::default() })?;
    // Of its last run: the database forgets a removed one's after a while.
    let mut exit_code = None;
    loop {
        let wanted = id.to_owned();
        let now = blocking(core, move |core| {
            let Some(mut row) = core.database()?.container(&wanted)? else { return Ok(None) };
            core.refresh(&mut row)?;
            Ok(Some((row.state, row.status.ran.then_some(row.status.exit_code))))
        })
        .await?;
        match now {
            // A removal has an exit code, any other state has none.
            Some((ContainerState::Removing, code)) if states.contains(&ContainerState::Removing) => {
                return Ok(code.unwrap_or(0));
            }
            Some((state, _)) if states.contains(&state) => return Ok(-1),
            None if states.contains(&ContainerState::Removing) => {
                return Ok(core.database()?.exit_code(id)?.or(exit_code).unwrap_or(0));
            }
            None => return Err(super::lookup::no_such_container(id)),
            Some((_, code)) => exit_code = code,
        }
        match events.next().await {
            Some(event) => event.map(drop)?,
            None => return Err(Error::internal("the event stream has ended")),
        }
    }
}
