//! Waiting for containers: `depends_on` and `--wait`.

use std::time::Duration;

use cove_api::{ContainerState, Engine, Error, ErrorKind, Result, WaitCondition, WaitOptions};
use cove_compose::model::Dependency;

use super::progress::{Event, Sink};

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

/// What a service waits for before it starts.
pub(super) struct Needed<'a> {
    /// The service that waits.
    pub(super) service: &'a str,
    /// The service that it depends on.
    pub(super) other: &'a str,
    /// How it does.
    pub(super) dependency: &'a Dependency,
    /// The containers of the other one.
    pub(super) containers: &'a [String],
    /// How many there are to be; none where the project has it not.
    pub(super) wanted: u32,
}

impl Needed<'_> {
    /// Waits until it is as it is wanted.
    pub(super) async fn awaited(&self, engine: &dyn Engine, sink: Sink<'_>) -> Result<()> {
        let Self { service, other, dependency, containers, wanted } = self;
        let completes = match dependency.condition.as_str() {
            "service_healthy" => false,
            "service_completed_successfully" => true,
            _ => return Ok(()),
        };
        if containers.is_empty() && dependency.required && *wanted > 0 {
            return Err(Error::invalid(format!("{service} is missing dependency {other}")));
        }
        for name in *containers {
            let object = format!("Container {name}");
            sink(Event::working(&object, "Waiting"));
            let awaited = if completes {
                completed(engine, name, other).await
            } else {
                let healthy = until(engine, name, Awaited::Healthy).await;
                healthy.map_err(|error| {
                    Error::new(error.kind, format!("dependency failed to start: {}", error.message))
                })
            };
            match awaited {
                Ok(()) => sink(Event::done(&object, if completes { "Exited" } else { "Healthy" })),
                Err(error) if !dependency.required => {
                    sink(Event::warning(format!("optional dependency {other:?}: {}", error.message)));
                }
                Err(error) => {
                    sink(Event::failed(&object, "Error"));
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}
