//! Waiting for containers: `depends_on` and `--wait`.

use std::time::Duration;

use cove_api::{ContainerState, Engine, Error, ErrorKind, Result, WaitCondition, WaitOptions};

/// Between two looks at a container that waits for its next start.
const RESTART_POLL: Duration = Duration::from_millis(200);

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// Its health check succeeds.
    Healthy,
    /// It runs, and its health check, where it has one, succeeds.
    Running,
}

/// Waits for a container.
///
/// # Errors
/// It can no longer be what is waited for; the message says why.
pub async fn until(engine: &dyn Engine, name: &str, awaited: Awaited) -> Result<()> {
    let failed = |message: String| Err(Error::new(cove_api::ErrorKind::WrongState, message));
    loop {
        let inspect = engine.containers().inspect(name, false).await?;
        let state = &inspect.state;
        if matches!(state.status, ContainerState::Exited | ContainerState::Stopped) && !state.restarting {
            return failed(format!("container {name} exited ({})", state.exit_code));
        }
        if state.restarting {
            // Its end is no answer, and what it waits for is not told.
            tokio::time::sleep(RESTART_POLL).await;
            continue;
        }
        let is_checked = inspect.config.healthcheck.as_ref().is_some_and(|check| check["Test"][0] != "NONE");
        // Before the first result there may be none.
        let health = state.health.as_ref().map(|health| health.status.as_str()).unwrap_or_default();
        match health {
            "healthy" => return Ok(()),
            "unhealthy" => return failed(format!("container {name} is unhealthy")),
            _ if is_checked => {}
            _ if awaited == Awaited::Running && state.running => return Ok(()),
            _ if awaited == Awaited::Healthy => {
                return failed(format!("container {name} has no healthcheck configured"));
            }
            _ => {}
        }
        let ended = [ContainerState::Exited, ContainerState::Stopped].map(WaitCondition::State);
        let first = if is_checked {
            vec![WaitCondition::Healthy, WaitCondition::Unhealthy]
        } else {
            vec![WaitCondition::State(ContainerState::Running)]
        };
        let conditions = first.into_iter().chain(ended).collect();
        engine.containers().wait(name, WaitOptions { conditions }).await?;
    }
}

/// Waits for a container of a service to end well.
///
/// # Errors
/// It ends otherwise; the message has its code.
pub async fn completed(engine: &dyn Engine, name: &str, service: &str) -> Result<()> {
    match engine.containers().wait(name, WaitOptions::default()).await? {
        0 => Ok(()),
        code => Err(Error::new(
            ErrorKind::WrongState,
            format!("service {service:?} didn't complete successfully: exit {code}"),
        )),
    }
}
