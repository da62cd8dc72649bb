//! Health checks of containers: what is asked for, what the monitor is told, what was found, and what is done about it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cove_api::{
    ContainerSpec, ContainerState, Error, ErrorKind, Event, EventActor, HealthAction, HealthConfig,
    InspectHealth, Result, StartupHealthCheck, StopOptions,
};
use cove_runtime::{Check, HealthEvents, HealthJournal, HealthPlan, HealthReport, StartupCheck};
use cove_spec::health::{INTERVAL, TIMEOUT};
use serde::Deserialize as _;

use crate::container::signal::{self, AFTER_KILL};
use crate::container::{exec, start, stop};
use crate::engine::{Core, blocking};
use crate::event;
use crate::sandbox::{self, PlannedHealth};
use crate::state::{ContainerRow, Health, ImageFacts};

/// Failures in a row where nobody says something else.
const RETRIES: i64 = 3;

/// Results that are kept where nobody says something else.
pub(super) const LOG_COUNT: u32 = 5;

/// Bytes of output of a result where nobody says something else.
pub(super) const LOG_SIZE: u32 = 500;

/// Largest file of results, in bytes.
const MAX_FOUND: u64 = 8 << 20;

/// The check of a container by its request and image; [`None`] where nothing was said about any.
pub(super) fn resolve(spec: &ContainerSpec, image: &ImageFacts) -> Result<Option<Health>> {
    let asked = spec.healthconfig.clone().unwrap_or_default();
    let mut check = if asked.test.is_empty() { of_image(&asked, image)? } else { Some(asked) };
    let mut startup = spec.startup_health_config.clone();
    for times in check
        .iter()
        .map(|check| [check.interval, check.timeout, check.start_period, check.retries])
        .chain(startup.iter().map(|check| [check.interval, check.timeout, check.successes, check.retries]))
    {
        if times.iter().any(|value| *value < 0) {
            return Err(Error::invalid("times and counts of a health check must not be negative"));
        }
    }
    if let Some(check) = &mut check {
        or_else(&mut check.timeout, TIMEOUT);
        or_else(&mut check.retries, RETRIES);
    }
    if let Some(check) = &mut startup {
        or_else(&mut check.timeout, TIMEOUT);
        command(&check.test).ok_or_else(|| Error::invalid("startup healthcheck command is not set"))?;
    }
    let is_active = check.as_ref().is_some_and(|check| command(&check.test).is_some());
    let action = spec.health_check_on_failure_action;
    if !is_active && action != HealthAction::None {
        let action = action.as_str();
        return Err(Error::invalid(format!(
            "cannot set on-failure action to {action} without a health check"
        )));
    }
    if !is_active && startup.is_some() {
        return Err(Error::invalid("cannot set a startup health check without a health check"));
    }
    let Some(check) = check else { return Ok(None) };
    let destination = spec.health_log_destination.clone();
    check_destination(&destination)?;
    Ok(Some(Health {
        check,
        startup,
        on_failure: action,
        log_destination: if destination.is_empty() { "local".into() } else { destination },
        max_log_count: spec.health_max_log_count.unwrap_or(LOG_COUNT),
        max_log_size: spec.health_max_log_size.unwrap_or(LOG_SIZE),
    }))
}

/// The image's check, changed by what was asked for.
fn of_image(asked: &HealthConfig, image: &ImageFacts) -> Result<Option<HealthConfig>> {
    let own = match &image.config.healthcheck {
        None | Some(serde_json::Value::Null) => None,
        Some(value) => Some(HealthConfig::deserialize(value).map_err(|error| {
            Error::invalid(format!("the health check of image {} is malformed: {error}", image.name))
        })?),
    };
    let Some(mut check) = own.filter(|check| !check.test.is_empty()) else {
        return if *asked == HealthConfig::default() {
            Ok(None)
        } else {
            Err(Error::invalid("must define a healthcheck command for all healthchecks"))
        };
    };
    for (own, asked) in [
        (&mut check.interval, asked.interval),
        (&mut check.timeout, asked.timeout),
        (&mut check.start_period, asked.start_period),
        (&mut check.retries, asked.retries),
    ] {
        if asked != 0 {
            *own = asked;
        }
    }
    check.interval = match check.interval {
        0 => INTERVAL,
        interval => interval.max(0),
    };
    Ok(Some(check))
}

fn or_else(value: &mut i64, default: i64) {
    if *value == 0 {
        *value = default;
    }
}

fn check_destination(destination: &str) -> Result<()> {
    if matches!(destination, "" | "local" | "events_logger") {
        return Ok(());
    }
    match cove_sys::fs::metadata(destination) {
        Ok(found) if found.is_dir() && Path::new(destination).is_absolute() => Ok(()),
        Ok(_) => {
            Err(Error::invalid(format!("HealthCheck Log '{destination}' destination must be directory")))
        }
        Err(error) => {
            Err(Error::invalid(format!("HealthCheck Log '{destination}' destination error: {error}")))
        }
    }
}

/// What is run for a test; [`None`] where there is no check.
fn command(test: &[String]) -> Option<Vec<String>> {
    let (first, rest) = test.split_first()?;
    let command = match first.as_str() {
        "NONE" | "" => return None,
        "CMD" => rest.to_vec(),
        "CMD-SHELL" => vec!["/bin/sh".to_owned(), "-c".to_owned(), rest.join(" ")],
        _ => test.to_vec(),
    };
    command.first().is_some_and(|program| !program.is_empty()).then_some(command)
}

/// The check of a container that has one.
fn active(row: &ContainerRow) -> Option<(&Health, Vec<String>)> {
    of(row.config.health.as_ref())
}

fn of(health: Option<&Health>) -> Option<(&Health, Vec<String>)> {
    health.and_then(|health| command(&health.check.test).map(|command| (health, command)))
}

/// Whether there is a check at all.
pub(super) fn is_checked(health: Option<&Health>) -> bool {
    of(health).is_some()
}

/// Where what was found lies.
fn state_file(core: &Core, id: &str) -> PathBuf {
    core.options.run_dir().join("health").join(id)
}

/// What the monitor is told.
pub(super) fn plan(core: &Core, row: &ContainerRow) -> Result<Option<PlannedHealth>> {
    let Some((health, check)) = active(row) else { return Ok(None) };
    let state_file = state_file(core, &row.id);
    if let Some(folder) = state_file.parent() {
        crate::state::make_private(folder)?;
    }
    let milliseconds = |nanoseconds: i64| u64::try_from(nanoseconds / 1_000_000).unwrap_or(0);
    let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    // The monitor names the files.
    let times = |interval, timeout| Check {
        process: PathBuf::new(),
        interval_ms: milliseconds(interval),
        timeout_ms: milliseconds(timeout).max(1),
    };
    let startup = |check: &StartupHealthCheck| StartupCheck {
        check: times(check.interval, check.timeout),
        retries: count(check.retries),
        successes: count(check.successes),
    };
    let own_command = |action: HealthAction| {
        let mut command = core.options.own_command.clone();
        if !command.is_empty() {
            command.extend(["container", action.as_str()].map(ToOwned::to_owned));
            // It was not the user who wanted it.
            command.extend((action == HealthAction::Restart).then(|| "--counted".to_owned()));
            command.push(row.id.clone());
        }
        command
    };
    let events = core.options.containers.engine.healthcheck_events != Some(false);
    let monitor = HealthPlan {
        check: times(health.check.interval, health.check.timeout),
        startup: health.startup.as_ref().map(startup),
        retries: count(health.check.retries),
        start_period_ms: milliseconds(health.check.start_period),
        max_log_count: health.max_log_count,
        max_log_size: health.max_log_size,
        state_file,
        log_file: log_file(health, &row.id),
        failure_command: match health.on_failure {
            HealthAction::None => Vec::new(),
            action => own_command(action),
        },
        restart_command: own_command(HealthAction::Restart),
        events: if events { Some(told(core, row, health)?) } else { None },
    };
    let startup = health.startup.as_ref().and_then(|startup| command(&startup.test));
    Ok(Some(PlannedHealth { monitor, check, startup }))
}

/// The second place of what was found, where the user chose one.
fn log_file(health: &Health, id: &str) -> Option<PathBuf> {
    let folder = Path::new(&health.log_destination);
    folder.is_absolute().then(|| folder.join(format!("{id}-healthcheck.log")))
}

/// Has the monitor of a container that runs, or is to, go by its configuration from now on.
pub(super) fn apply(core: &Core, row: &ContainerRow) -> Result<()> {
    let options = match plan(core, row)? {
        Some(planned) => {
            let container = exec::read_config(core, &row.id)?;
            Some(sandbox::health_options(core, &planned, &container)?)
        }
        None => None,
    };
    let ends = options.is_none();
    match core.runtime()?.change_health(&row.id, options) {
        // Its start makes a monitor anew.
        Err(cove_runtime::Error::NotRunning { .. }) if row.state == ContainerState::Initialized => {}
        other => other?,
    }
    if ends { forget(core, &row.id) } else { Ok(()) }
}

/// Where each check is told.
fn told(core: &Core, row: &ContainerRow, health: &Health) -> Result<HealthEvents> {
    let event = Event {
        kind: "container".into(),
        action: "health_status".into(),
        actor: EventActor { id: row.id.clone(), attributes: core.event_attributes(row) },
        scope: "local".into(),
        time: 0,
        time_nano: 0,
    };
    let journal = core
        .events
        .is_journal()
        .then(|| HealthJournal { socket: event::JOURNAL.into(), fields: event::journal_fields(&event) });
    let event =
        serde_json::to_value(event).map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
    let with_log = health.log_destination == "events_logger";
    Ok(HealthEvents { file: core.events.path().to_owned(), event, with_log, journal })
}

/// What was found; [`None`] where there is no check.
pub(super) fn found(core: &Core, row: &ContainerRow) -> Option<InspectHealth> {
    active(row)?;
    let text = cove_sys::read::bounded(&state_file(core, &row.id), MAX_FOUND).ok().flatten();
    Some(text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default())
}

/// How a running container is, for lists; empty where nobody looks.
pub(super) fn status(core: &Core, row: &ContainerRow) -> String {
    match row.state {
        ContainerState::Running => found(core, row).map(|found| found.status).unwrap_or_default(),
        _ => String::new(),
    }
}

/// Forgets what was found.
pub(super) fn forget(core: &Core, id: &str) -> Result<()> {
    match cove_sys::fs::remove_file(state_file(core, id)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Runs the check now, and does what is to be done about what it finds. The status of the answer is that of the check.
pub(super) async fn check(core: &Arc<Core>, name: &str) -> Result<InspectHealth> {
    let wanted = name.to_owned();
    let row = blocking(core, move |core| {
        let mut row = core.find_container(&wanted)?;
        core.refresh(&mut row)?;
        Ok(row)
    })
    .await?;
    let improper = |text: &str| Error::new(ErrorKind::WrongState, format!("container {} {text}", row.id));
    if row.state != ContainerState::Running {
        return Err(improper("is not running"));
    }
    if active(&row).is_none() {
        return Err(improper("has no defined healthcheck"));
    }
    let folder = core.runtime()?.container_dir(&row.id);
    let report = cove_runtime::check_health(&folder).await?;
    let result = report.result.clone();
    blocking(core, move |core| {
        act(core, &row, &report)?;
        let found = found(core, &row).unwrap_or_default();
        Ok(InspectHealth { status: result, ..found })
    })
    .await
}

/// What is done about a container that is not well.
fn act(core: &Arc<Core>, row: &ContainerRow, report: &HealthReport) -> Result<()> {
    let on_failure = row.config.health.as_ref().map(|health| health.on_failure).unwrap_or_default();
    let action = match report {
        HealthReport { restart: true, .. } => HealthAction::Restart,
        HealthReport { unhealthy: true, .. } => on_failure,
        _ => HealthAction::None,
    };
    match action {
        HealthAction::None => Ok(()),
        HealthAction::Kill => {
            signal::kill(core, &row.id, 9)?;
            // Whoever looks next is to see it.
            let _ = core.runtime()?.wait(&row.id, Some(AFTER_KILL));
            Ok(())
        }
        HealthAction::Stop => stop::stop(core, &row.id, &StopOptions::default()),
        HealthAction::Restart => {
            stop::stop(core, &row.id, &StopOptions::default())?;
            start::again(core, &row.id)
        }
    }
    .map_err(|error| error.context("container health-check turned unhealthy"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(check: serde_json::Value) -> ImageFacts {
        let mut image = ImageFacts::default();
        image.config.healthcheck = Some(check);
        image
    }

    #[test]
    fn requests_and_images() {
        let own = image(serde_json::json!({"Test": ["CMD", "x"], "Interval": 5, "Retries": 7}));
        let mut spec = ContainerSpec::default();
        assert_eq!(resolve(&spec, &ImageFacts::default()).unwrap(), None);
        let check = resolve(&spec, &own).unwrap().unwrap().check;
        assert_eq!((check.interval, check.timeout, check.retries), (5, TIMEOUT, 7));
        spec.healthconfig = Some(HealthConfig { interval: -1, retries: 2, ..Default::default() });
        let check = resolve(&spec, &own).unwrap().unwrap().check;
        assert_eq!((check.test.len(), check.interval, check.retries), (2, 0, 2));
        assert!(resolve(&spec, &ImageFacts::default()).is_err());
        spec.healthconfig = Some(HealthConfig { test: vec!["NONE".into()], ..Default::default() });
        let off = resolve(&spec, &own).unwrap().unwrap();
        assert_eq!(command(&off.check.test), None);
        spec.health_check_on_failure_action = HealthAction::Kill;
        let error = resolve(&spec, &own).unwrap_err().message;
        assert_eq!(error, "cannot set on-failure action to kill without a health check");
        assert!(resolve(&ContainerSpec::default(), &image(serde_json::json!("x"))).is_err());
    }

    #[test]
    fn commands() {
        let of = |words: &[&str]| command(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["CMD-SHELL", "a b"]).unwrap(), ["/bin/sh", "-c", "a b"]);
        assert_eq!(of(&["CMD", "a", "b"]).unwrap(), ["a", "b"]);
        assert_eq!(of(&["a"]).unwrap(), ["a"]);
        for none in [&["NONE"][..], &[""], &["CMD"], &["CMD", ""], &[]] {
            assert_eq!(of(none), None);
        }
    }
}
