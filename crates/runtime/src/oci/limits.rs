//! Resource limits: POSIX limits of the process, cgroup limits of the container.

use cove_api::{Resources, Rlimit};
use serde_json::{Map, Value, json};

use super::host::LIMITS;
use super::input::SpecInput;
use crate::error::{Error, Result};

/// What nofile and nproc are where nobody says otherwise.
const DEFAULT_LIMIT: u64 = 1_048_576;

/// `process.rlimits`.
pub(crate) fn rlimits(input: &SpecInput<'_>) -> Result<Value> {
    let mut limits: Vec<(String, u64, u64)> = Vec::new();
    let mut set = |name: String, soft: u64, hard: u64| {
        limits.retain(|(n, ..)| *n != name);
        limits.push((name, soft, hard));
    };
    for name in ["RLIMIT_NOFILE", "RLIMIT_NPROC"] {
        let limit = clamp(input, name, DEFAULT_LIMIT);
        set(name.to_owned(), limit, limit);
    }
    for limit in &input.defaults.ulimits {
        let name = full_name(limit)?;
        let hard = clamp(input, &name, limit.hard);
        set(name, limit.soft.min(hard), hard);
    }
    for limit in &input.spec.r_limits {
        let name = full_name(limit)?;
        if limit.soft > limit.hard {
            return Err(Error::invalid(
                format!("ulimit {}", limit.kind),
                "the soft limit is above the hard limit",
            ));
        }
        if clamp(input, &name, limit.hard) < limit.hard {
            return Err(Error::Unsupported {
                what: format!("ulimit {}={}:{}", limit.kind, limit.soft, limit.hard),
                why: format!(
                    "this process may not raise its own hard limit of {}",
                    clamp(input, &name, limit.hard)
                ),
            });
        }
        set(name, limit.soft, limit.hard);
    }
    let list = limits.into_iter().map(|(name, soft, hard)| json!({"type": name, "soft": soft, "hard": hard}));
    Ok(list.collect())
}

fn full_name(limit: &Rlimit) -> Result<String> {
    let upper = limit.kind.to_ascii_uppercase();
    let name = if upper.starts_with("RLIMIT_") { upper } else { format!("RLIMIT_{upper}") };
    if LIMITS.iter().any(|(known, _)| *known == name) {
        Ok(name)
    } else {
        Err(Error::invalid(format!("ulimit {:?}", limit.kind), "unknown"))
    }
}

fn clamp(input: &SpecInput<'_>, name: &str, wanted: u64) -> u64 {
    if input.host.may_raise_limits {
        return wanted;
    }
    input.host.hard_limits.iter().find(|(n, _)| *n == name).map_or(wanted, |(_, hard)| wanted.min(*hard))
}

/// `linux.resources` without devices.
pub(crate) fn resources(input: &SpecInput<'_>) -> Result<Map<String, Value>> {
    let none = Resources::default();
    let wanted = input.spec.resource_limits.as_ref().unwrap_or(&none);
    if let Some((name, _)) = wanted.other.iter().find(|(_, value)| !is_empty(value)) {
        return Err(Error::Unsupported {
            what: format!("resource limit {name}"),
            why: "it is not implemented".to_owned(),
        });
    }
    let mut result = Map::new();
    if let Some(memory) = &wanted.memory {
        let value = to_object(memory)?;
        if !value.is_empty() {
            require(input, "memory", "memory limits")?;
            let mut value = value;
            // As Podman: memory and swap together are twice the memory where only memory is limited.
            if let (Some(limit), None) = (memory.limit.filter(|l| *l > 0), memory.swap) {
                value.insert("swap".to_owned(), json!(limit.saturating_mul(2)));
            }
            result.insert("memory".to_owned(), Value::Object(value));
        }
    }
    if let Some(cpu) = &wanted.cpu {
        let value = to_object(cpu)?;
        if !value.is_empty() {
            if cpu.shares.is_some() || cpu.quota.is_some() || cpu.period.is_some() {
                require(input, "cpu", "CPU limits")?;
            }
            if !cpu.cpus.is_empty() || !cpu.mems.is_empty() {
                require(input, "cpuset", "cpuset limits")?;
            }
            result.insert("cpu".to_owned(), Value::Object(value));
        }
    }
    match wanted.pids.map(|p| p.limit) {
        Some(limit) if limit > 0 => {
            require(input, "pids", "a limit of processes")?;
            result.insert("pids".to_owned(), json!({"limit": limit}));
        }
        Some(_) => {}
        None if input.defaults.pids_limit > 0 && input.cgroup.has("pids") => {
            result.insert("pids".to_owned(), json!({"limit": input.defaults.pids_limit}));
        }
        None => {}
    }
    Ok(result)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn to_object(value: &impl serde::Serialize) -> Result<Map<String, Value>> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => Ok(map.into_iter().filter(|(_, v)| !v.is_null()).collect()),
        _ => Err(Error::invalid("resources", "not an object")),
    }
}

fn require(input: &SpecInput<'_>, controller: &str, what: &str) -> Result<()> {
    if input.cgroup.has(controller) && input.spec.cgroups_mode != "disabled" {
        return Ok(());
    }
    let why = match input.cgroup {
        _ if input.spec.cgroups_mode == "disabled" => "cgroups are disabled for this container".to_owned(),
        crate::cgroup::CgroupMode::Disabled { reason, .. } => reason.clone(),
        _ => format!("the cgroup controller {controller} is not available"),
    };
    Err(Error::Unsupported { what: what.to_owned(), why })
}
