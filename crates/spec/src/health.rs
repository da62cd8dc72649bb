//! `--health-cmd` and its like (podman-run(1)).

use std::time::Duration;

use cove_api::{HealthAction, HealthConfig, StartupHealthCheck};

use crate::error::{Result, bail};

/// The options of a check as the user wrote them.
#[derive(Debug, Clone, Copy, Default)]
pub struct CheckTexts<'a> {
    /// `--health-cmd`, `--health-startup-cmd`.
    pub command: Option<&'a str>,
    /// `--health-interval`: a duration, or `disable`.
    pub interval: Option<&'a str>,
    /// `--health-timeout`.
    pub timeout: Option<&'a str>,
    /// `--health-start-period`.
    pub start_period: Option<&'a str>,
    /// `--health-retries`.
    pub retries: Option<u32>,
}

/// What stands for "never by itself" until it is merged with the image's check.
const DISABLED: i64 = -1;

/// Nanoseconds between two checks where nobody says something else.
pub const INTERVAL: i64 = 30_000_000_000;

/// Nanoseconds that a check may take where nobody says something else.
pub const TIMEOUT: i64 = 30_000_000_000;

/// The check of `--health-cmd` and its like; [`None`] where nothing was given. Without a command what is given changes
/// the image's check.
///
/// # Errors
/// A value is wrong.
pub fn check(texts: &CheckTexts<'_>) -> Result<Option<HealthConfig>> {
    let CheckTexts { command, interval, timeout, start_period, retries } = *texts;
    if command.is_none()
        && interval.is_none()
        && timeout.is_none()
        && start_period.is_none()
        && retries.is_none()
    {
        return Ok(None);
    }
    if retries == Some(0) {
        bail!("healthcheck-retries must be greater than 0");
    }
    let mut config = HealthConfig {
        test: command.map(test).transpose()?.unwrap_or_default(),
        retries: retries.map_or(0, i64::from),
        ..HealthConfig::default()
    };
    let whole = command.is_some();
    config.interval = match interval {
        // To change the image's check, 0 would change nothing.
        Some(text) => self::interval(text)?.max(if whole { 0 } else { DISABLED }),
        None if whole => INTERVAL,
        None => 0,
    };
    if let Some(text) = timeout {
        config.timeout = self::timeout(text)?;
    }
    if let Some(text) = start_period {
        config.start_period = nanoseconds(text, "healthcheck-start-period")?;
    }
    Ok(Some(config))
}

/// The check of `--health-startup-cmd` and its like.
///
/// # Errors
/// A value is wrong, or there is no command.
pub fn startup(texts: &CheckTexts<'_>, successes: Option<u32>) -> Result<Option<StartupHealthCheck>> {
    let Some(command) = texts.command else {
        if texts.interval.is_some()
            || texts.timeout.is_some()
            || texts.retries.is_some()
            || successes.is_some()
        {
            bail!("startup healthcheck command is not set");
        }
        return Ok(None);
    };
    Ok(Some(StartupHealthCheck {
        test: test(command)?,
        interval: texts.interval.map_or(Ok(INTERVAL), interval)?.max(0),
        timeout: texts.timeout.map_or(Ok(0), timeout)?,
        retries: texts.retries.map_or(0, i64::from),
        successes: successes.map_or(0, i64::from),
        ..StartupHealthCheck::default()
    }))
}

/// A command as podman takes it: a JSON list, words after `CMD` or `CMD-SHELL`, `none`, or a line for the shell.
fn test(text: &str) -> Result<Vec<String>> {
    let (words, is_list) = match serde_json::from_str::<Vec<String>>(text) {
        Ok(words) => (words, true),
        Err(_) => (text.splitn(2, ' ').map(str::to_owned).collect(), false),
    };
    let Some(first) = words.first().filter(|_| !text.trim().is_empty()) else {
        bail!("must define a healthcheck command for all healthchecks");
    };
    Ok(match first.to_uppercase().as_str() {
        "NONE" => vec!["NONE".to_owned()],
        "CMD" if is_list => words,
        "CMD" => text.split_whitespace().map(str::to_owned).collect(),
        "CMD-SHELL" => words,
        _ if is_list && words.len() > 1 => ["CMD".to_owned()].into_iter().chain(words).collect(),
        _ => vec!["CMD-SHELL".to_owned(), words.join(" ")],
    })
}

fn nanoseconds(text: &str, what: &str) -> Result<i64> {
    match cove_api::time::duration(text) {
        Ok(duration) => Ok(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)),
        Err(error) => bail!("invalid {what}: {error}"),
    }
}

fn interval(text: &str) -> Result<i64> {
    if text == "disable" {
        return Ok(DISABLED);
    }
    match nanoseconds(text, "healthcheck-interval")? {
        0 => Ok(DISABLED),
        interval => Ok(interval),
    }
}

fn timeout(text: &str) -> Result<i64> {
    let timeout = nanoseconds(text, "healthcheck-timeout")?;
    if timeout < i64::try_from(Duration::from_nanos(1).as_nanos()).unwrap_or(1) {
        bail!("healthcheck-timeout must be at least 1 second");
    }
    Ok(timeout)
}

/// Parses `--health-on-failure`.
///
/// # Errors
/// There is no such action.
pub fn action(text: &str) -> Result<HealthAction> {
    match HealthAction::from_name(text) {
        Some(action) => Ok(action),
        None => bail!(
            "invalid on-failure action {text:?} for health check: supported actions are none,kill,restart,stop"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        for (text, expected) in [
            ("/bin/check", vec!["CMD-SHELL", "/bin/check"]),
            ("echo a b", vec!["CMD-SHELL", "echo a b"]),
            ("[\"echo a\"]", vec!["CMD-SHELL", "echo a"]),
            ("[\"echo\", \"a\"]", vec!["CMD", "echo", "a"]),
            ("CMD echo  a b", vec!["CMD", "echo", "a", "b"]),
            ("[\"CMD\", \"echo\", \"a b\"]", vec!["CMD", "echo", "a b"]),
            ("CMD-SHELL echo a b", vec!["CMD-SHELL", "echo a b"]),
            ("none", vec!["NONE"]),
        ] {
            assert_eq!(test(text).unwrap(), expected, "{text}");
        }
        assert!(test("").is_err() && test("[]").is_err());
    }

    #[test]
    fn values() {
        let texts = CheckTexts {
            command: Some("true"),
            interval: Some("disable"),
            timeout: Some("1m"),
            start_period: Some("3s"),
            retries: Some(2),
        };
        let config = check(&texts).unwrap().unwrap();
        assert_eq!((config.interval, config.timeout), (0, 60_000_000_000));
        let changes = CheckTexts { command: None, ..texts };
        assert_eq!(check(&changes).unwrap().unwrap().interval, DISABLED);
        assert_eq!((config.start_period, config.retries), (3_000_000_000, 2));
        assert_eq!(check(&CheckTexts::default()).unwrap(), None);
        for (wrong, message) in [
            (CheckTexts { retries: Some(0), ..texts }, "healthcheck-retries must be greater than 0"),
            (CheckTexts { interval: Some("x"), ..texts }, "invalid healthcheck-interval: "),
            (CheckTexts { timeout: Some("0s"), ..texts }, "healthcheck-timeout must be at least 1 second"),
            (CheckTexts { start_period: Some("-1s"), ..texts }, "invalid healthcheck-start-period: "),
        ] {
            let error = check(&wrong).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
        let error = action("x").unwrap_err().to_string();
        assert!(error.ends_with("supported actions are none,kill,restart,stop"), "{error}");
    }

    #[test]
    fn start_up() {
        let only = CheckTexts { interval: Some("1s"), ..CheckTexts::default() };
        assert!(startup(&only, None).is_err());
        assert_eq!(startup(&CheckTexts::default(), None).unwrap(), None);
        let texts = CheckTexts { command: Some("true"), retries: Some(4), ..only };
        let config = startup(&texts, Some(2)).unwrap().unwrap();
        assert_eq!((config.interval, config.retries, config.successes), (1_000_000_000, 4, 2));
    }
}
