//! Changing the health check of a container: what is not named stays.

use cove_api::{
    ContainerSpec, ContainerUpdate, Error, HealthAction, HealthConfig, Result, StartupHealthCheck,
};
use cove_spec::health::{self, CheckTexts};

use crate::container::health as checks;
use crate::state::ContainerRow;

/// Puts the changes into the request, and what comes of it into the configuration.
pub(super) fn change(
    row: &mut ContainerRow,
    request: &mut ContainerSpec,
    update: &ContainerUpdate,
) -> Result<()> {
    if !is_asked(update) {
        return Ok(());
    }
    if update.no_healthcheck == Some(true) {
        if update.health_command.is_some() || update.health_startup_command.is_some() {
            return Err(Error::invalid("cannot specify both --no-healthcheck and a health check"));
        }
        request.healthconfig =
            Some(HealthConfig { test: vec!["NONE".to_owned()], ..HealthConfig::default() });
        request.startup_health_config = None;
        request.health_check_on_failure_action = HealthAction::None;
    } else {
        let known = row.config.health.as_ref();
        let before = request.healthconfig.take().filter(|check| !check.test.is_empty());
        let before = before.or_else(|| known.map(|health| health.check.clone()));
        request.healthconfig = regular(before, update)?;
        request.startup_health_config = startup(request.startup_health_config.take(), update)?;
    }
    if let Some(action) = &update.health_on_failure {
        request.health_check_on_failure_action = health::action(action)?;
    }
    if let Some(destination) = &update.health_log_destination {
        destination.clone_into(&mut request.health_log_destination);
    }
    request.health_max_log_count = update.health_max_log_count.or(request.health_max_log_count);
    request.health_max_log_size = update.health_max_log_size.or(request.health_max_log_size);
    row.config.health = checks::resolve(request, &row.config.image)?;
    Ok(())
}

/// Whether something of the check is to change.
fn is_asked(update: &ContainerUpdate) -> bool {
    let of_health = ContainerUpdate {
        memory: None,
        cpu: None,
        pids: None,
        block_io: None,
        weight_devices: Vec::new(),
        read_bps: Vec::new(),
        write_bps: Vec::new(),
        read_iops: Vec::new(),
        write_iops: Vec::new(),
        env: Vec::new(),
        unset_env: Vec::new(),
        r_limits: Vec::new(),
        restart: None,
        ..update.clone()
    };
    of_health != ContainerUpdate::default()
}

/// The check with what is named in place of what was there.
fn regular(before: Option<HealthConfig>, update: &ContainerUpdate) -> Result<Option<HealthConfig>> {
    let texts = CheckTexts {
        command: update.health_command.as_deref(),
        interval: update.health_interval.as_deref(),
        timeout: update.health_timeout.as_deref(),
        start_period: update.health_start_period.as_deref(),
        retries: update.health_retries,
    };
    let Some(new) = health::check(&texts)? else { return Ok(before) };
    let Some(mut check) = before else {
        if texts.command.is_none() {
            return Err(Error::invalid("healthcheck command is not set"));
        }
        return Ok(Some(new));
    };
    if texts.command.is_some() {
        check.test = new.test;
    }
    if texts.interval.is_some() {
        check.interval = new.interval.max(0);
    }
    if texts.timeout.is_some() {
        check.timeout = new.timeout;
    }
    if texts.start_period.is_some() {
        check.start_period = new.start_period;
    }
    if texts.retries.is_some() {
        check.retries = new.retries;
    }
    Ok(Some(check))
}

/// As [`regular`], for the check of the start.
fn startup(
    before: Option<StartupHealthCheck>,
    update: &ContainerUpdate,
) -> Result<Option<StartupHealthCheck>> {
    let texts = CheckTexts {
        command: update.health_startup_command.as_deref(),
        interval: update.health_startup_interval.as_deref(),
        timeout: update.health_startup_timeout.as_deref(),
        start_period: None,
        retries: update.health_startup_retries,
    };
    let Some(mut check) = before else {
        return health::startup(&texts, update.health_startup_success).map_err(Error::from);
    };
    // With a command of its own the values are read without one being there.
    let whole = CheckTexts { command: texts.command.or(Some("true")), ..texts };
    let Some(new) = health::startup(&whole, update.health_startup_success)? else { return Ok(Some(check)) };
    if texts.command.is_some() {
        check.test = new.test;
    }
    if texts.interval.is_some() {
        check.interval = new.interval;
    }
    if texts.timeout.is_some() {
        check.timeout = new.timeout;
    }
    if texts.retries.is_some() {
        check.retries = new.retries;
    }
    if update.health_startup_success.is_some() {
        check.successes = new.successes;
    }
    Ok(Some(check))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_stays() {
        let check =
            HealthConfig { test: vec!["CMD".into(), "a".into()], retries: 4, ..HealthConfig::default() };
        let update = ContainerUpdate { health_interval: Some("3s".into()), ..ContainerUpdate::default() };
        let new = regular(Some(check.clone()), &update).unwrap().unwrap();
        assert_eq!((new.test, new.retries, new.interval), (check.test, 4, 3_000_000_000));
        let error = regular(None, &update).unwrap_err();
        assert_eq!(error.message, "healthcheck command is not set");
        let update = ContainerUpdate { health_startup_retries: Some(2), ..ContainerUpdate::default() };
        assert!(startup(None, &update).unwrap_err().message.contains("healthcheck command is not set"));
        assert!(is_asked(&update) && !is_asked(&ContainerUpdate::default()));
    }
}
