//! Probes as health checks, with Kubernetes' defaults.

use cove_api::{ContainerSpec, HealthAction, HealthConfig, StartupHealthCheck};

use crate::error::{Result, bail};
use crate::objects::{Container, Port, Probe};

const SECOND: i64 = 1_000_000_000;

/// Puts the probes of a container into its request.
pub(super) fn apply(container: &Container, restarts: bool, spec: &mut ContainerSpec) -> Result<()> {
    if let Some(probe) = container.liveness_probe.as_ref().filter(|probe| has_action(probe)) {
        spec.healthconfig = Some(
            check(probe, &container.ports)
                .map_err(|error| error.context("failed to configure livenessProbe"))?,
        );
    }
    if let Some(probe) = container.startup_probe.as_ref().filter(|probe| has_action(probe)) {
        let config = check(probe, &container.ports)
            .map_err(|error| error.context("failed to configure startupProbe"))?;
        // A check of the start needs one that follows it.
        spec.healthconfig.get_or_insert_with(|| HealthConfig {
            test: vec!["CMD-SHELL".into(), "exit 0".into()],
            ..config.clone()
        });
        spec.startup_health_config = Some(StartupHealthCheck {
            test: config.test,
            interval: config.interval,
            timeout: config.timeout,
            start_period: config.start_period,
            retries: config.retries,
            successes: i64::from(probe.success_threshold.max(0)),
            ..StartupHealthCheck::default()
        });
    }
    if restarts && spec.healthconfig.is_some() {
        spec.health_check_on_failure_action = HealthAction::Restart;
    }
    Ok(())
}

fn has_action(probe: &Probe) -> bool {
    probe.exec.is_some() || probe.http_get.is_some() || probe.tcp_socket.is_some()
}

fn check(probe: &Probe, ports: &[Port]) -> Result<HealthConfig> {
    let seconds = |number: i32, least: i32, usual: i64| {
        if number < least { usual * SECOND } else { i64::from(number) * SECOND }
    };
    if probe.initial_delay_seconds < 0 {
        bail!("initialDelaySeconds must be 0 or greater");
    }
    Ok(HealthConfig {
        test: test(probe, ports)?,
        interval: seconds(probe.period_seconds, 1, 10),
        timeout: seconds(probe.timeout_seconds, 1, 1),
        start_period: seconds(probe.initial_delay_seconds, 0, 0),
        start_interval: 0,
        retries: if probe.failure_threshold < 1 { 3 } else { i64::from(probe.failure_threshold) },
    })
}

/// The command, which runs in the container: hosts are seen from there.
fn test(probe: &Probe, ports: &[Port]) -> Result<Vec<String>> {
    if let Some(exec) = &probe.exec {
        if exec.command.is_empty() {
            bail!("must define a healthcheck command for all healthchecks");
        }
        return Ok([vec!["CMD".to_owned()], exec.command.clone()].concat());
    }
    let line = if let Some(http) = &probe.http_get {
        let scheme = match http.scheme.to_ascii_lowercase().as_str() {
            "" | "http" => "http",
            "https" => "https",
            _ => bail!("unknown scheme {:?}", http.scheme),
        };
        let port = port(&http.port, ports)?;
        let path = if http.path.is_empty() { "/" } else { &http.path };
        let slash = if path.starts_with('/') { "" } else { "/" };
        let address = format!("{scheme}://{}:{port}{slash}{path}", host(&http.host)?);
        format!("curl -f {} || exit 1", word(&address))
    } else if let Some(tcp) = &probe.tcp_socket {
        format!("nc -z -v {} {} || exit 1", host(&tcp.host)?, port(&tcp.port, ports)?)
    } else {
        bail!("must define a healthcheck command for all healthchecks")
    };
    Ok(vec!["CMD-SHELL".to_owned(), line])
}

/// A word of a shell: as it is where the shell reads it so, else in quotation marks.
fn word(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@!+,;=%[]".contains(c);
    // What the shell itself would read.
    let plain = text.chars().all(|c| harmless(c) && !"?#!;[]~".contains(c));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn host(text: &str) -> Result<&str> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '[' | ']' | '_');
    match text {
        "" => Ok("localhost"),
        text if text.starts_with('-') || !text.chars().all(known) => bail!("{text:?} is no host"),
        text => Ok(text),
    }
}

/// A number, or the name of a port of the container.
fn port(text: &str, ports: &[Port]) -> Result<u16> {
    let number = match text.parse::<i64>() {
        Ok(number) => number,
        Err(_) => match ports.iter().find(|port| !text.is_empty() && port.name == text) {
            Some(port) => port.container_port,
            None => bail!("unknown port: {text}"),
        },
    };
    match u16::try_from(number) {
        Ok(number) if number > 0 => Ok(number),
        _ => bail!("{number} is no port"),
    }
}
