//! Rights and probes of a container of a pod's document.

use cove_api::{HealthAction, HealthConfig, StartupHealthCheck};
use serde_json::{Map, Value, json};

use super::kube::NO_FIELD;
use crate::loss::Of;

const SECOND: i64 = 1_000_000_000;
/// Where Kubernetes has profiles of seccomp.
const PROFILES: &str = "/var/lib/kubelet/seccomp/";

/// What a request says of who runs and what that may do.
pub(super) struct Security<'a> {
    pub(super) user: &'a str,
    pub(super) privileged: Option<bool>,
    pub(super) read_only: Option<bool>,
    pub(super) no_new: Option<bool>,
    pub(super) unmask: &'a [String],
    pub(super) add: &'a [String],
    pub(super) drop: &'a [String],
    pub(super) selinux: &'a [String],
    pub(super) seccomp: &'a str,
}

/// `securityContext`.
pub(super) fn security(security: &Security<'_>, lost: &mut Of<'_>) -> Map<String, Value> {
    let Security { user, privileged, read_only, no_new, unmask, add, drop, selinux, seccomp } = *security;
    let mut made = Map::new();
    let mut put = |key: &str, value: Value| std::mem::drop(made.insert(key.to_owned(), value));
    if !user.is_empty() {
        let (user, group) = user.split_once(':').unwrap_or((user, ""));
        match user.parse::<u32>() {
            Ok(id) => put("runAsUser", id.into()),
            Err(_) => lost.lost("user", "users are numbers in Kubernetes"),
        }
        match group.parse::<u32>() {
            _ if group.is_empty() => {}
            Ok(id) => put("runAsGroup", id.into()),
            Err(_) => lost.lost("user (group)", "groups are numbers in Kubernetes"),
        }
    }
    if privileged == Some(true) {
        put("privileged", true.into());
    }
    if let Some(is_on) = read_only {
        put("readOnlyRootFilesystem", is_on.into());
    }
    if let Some(is_on) = no_new {
        put("allowPrivilegeEscalation", (!is_on).into());
    }
    for path in unmask {
        if path == "ALL" {
            put("procMount", "Unmasked".into());
        } else {
            lost.lost(&format!("unmask.{path}"), NO_FIELD);
        }
    }
    let short = |names: &[String]| -> Vec<String> {
        names.iter().map(|name| name.strip_prefix("CAP_").unwrap_or(name).to_owned()).collect()
    };
    let mut capabilities = Map::new();
    for (key, names) in [("add", add), ("drop", drop)] {
        if !names.is_empty() {
            capabilities.insert(key.to_owned(), json!(short(names)));
        }
    }
    if !capabilities.is_empty() {
        put("capabilities", Value::Object(capabilities));
    }
    let mut labels = Map::new();
    for label in selinux {
        match label.split_once(':') {
            Some((name @ ("user" | "role" | "type" | "level" | "filetype"), value)) => {
                std::mem::drop(labels.insert(name.to_owned(), value.into()));
            }
            // What the label of a container without one is.
            _ if label == "disable" => std::mem::drop(labels.insert("type".to_owned(), "spc_t".into())),
            _ => lost.lost(&format!("selinux_opts.{label}"), NO_FIELD),
        }
    }
    if !labels.is_empty() {
        put("seLinuxOptions", Value::Object(labels));
    }
    match (seccomp, seccomp.strip_prefix(PROFILES)) {
        ("", _) => {}
        ("unconfined", _) => put("seccompProfile", json!({"type": "Unconfined"})),
        (_, Some(path)) => put("seccompProfile", json!({"type": "Localhost", "localhostProfile": path})),
        _ => lost.lost("seccomp_profile_path", &format!("profiles of Kubernetes are in {PROFILES}")),
    }
    made
}

/// The probes that the checks become.
pub(super) fn probes(
    check: Option<&HealthConfig>,
    startup: Option<&StartupHealthCheck>,
    action: HealthAction,
    restarts: bool,
    lost: &mut Of<'_>,
) -> Vec<(&'static str, Value)> {
    let mut made = Vec::new();
    if let Some(check) = check {
        let HealthConfig { test, interval, timeout, start_period, start_interval, retries } = check;
        lost.given("healthconfig.StartInterval", start_interval, NO_FIELD);
        match command(test) {
            Some(command) => {
                let times = [*interval, *timeout, *start_period, *retries];
                made.push(("livenessProbe", probe(command, times, 1, "healthconfig", lost)));
            }
            None => lost
                .lost("healthconfig", "a probe has a command: the image's cannot be changed or switched off"),
        }
    }
    if let Some(check) = startup {
        let StartupHealthCheck { test, interval, timeout, start_period, start_interval, retries, successes } =
            check;
        lost.given("startupHealthConfig.StartInterval", start_interval, NO_FIELD);
        match command(test) {
            Some(command) => {
                let times = [*interval, *timeout, *start_period, *retries];
                made.push(("startupProbe", probe(command, times, *successes, "startupHealthConfig", lost)));
            }
            None => lost.lost("startupHealthConfig", "a probe has a command"),
        }
    }
    let becomes = if restarts && !made.is_empty() { HealthAction::Restart } else { HealthAction::None };
    if action != becomes {
        let why = match becomes {
            HealthAction::Restart => "Kubernetes starts what is not well again",
            _ => NO_FIELD,
        };
        lost.lost("health_check_on_failure_action", why);
    }
    made
}

fn command(test: &[String]) -> Option<Vec<String>> {
    match test {
        [kind, words @ ..] if kind == "CMD" && !words.is_empty() => Some(words.to_vec()),
        [kind, line] if kind == "CMD-SHELL" => Some(["/bin/sh", "-c", line].map(str::to_owned).to_vec()),
        _ => None,
    }
}

/// A probe: interval, time-out, delay and failures; Kubernetes counts whole seconds.
fn probe(
    command: Vec<String>,
    [interval, timeout, start_period, retries]: [i64; 4],
    successes: i64,
    field: &str,
    lost: &mut Of<'_>,
) -> Value {
    let mut made = json!({"exec": {"command": command}});
    for (key, name, time) in [
        ("periodSeconds", "Interval", interval),
        ("timeoutSeconds", "Timeout", timeout),
        ("initialDelaySeconds", "StartPeriod", start_period),
    ] {
        if time % SECOND != 0 {
            lost.lost(&format!("{field}.{name}"), "Kubernetes counts whole seconds");
        }
        match (time + SECOND - 1) / SECOND {
            0 if key == "periodSeconds" => {
                lost.lost(
                    &format!("{field}.{name}"),
                    "a probe is made by itself, every ten seconds at least",
                );
            }
            // What is not said is a second there and half a minute here.
            0 if key == "timeoutSeconds" => made[key] = (cove_spec::health::TIMEOUT / SECOND).into(),
            0 => {}
            seconds => made[key] = seconds.into(),
        }
    }
    if retries != 0 {
        made["failureThreshold"] = retries.into();
    }
    if successes > 1 {
        made["successThreshold"] = successes.into();
    }
    made
}
