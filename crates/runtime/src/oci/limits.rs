//! Resource limits: POSIX limits of the process, cgroup limits of the container.

use cove_api::Rlimit;
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
    for limit in &input.settings.limits.default_rlimits {
        let name = full_name(limit)?;
        let hard = clamp(input, &name, limit.hard);
        set(name, limit.soft.min(hard), hard);
    }
    for limit in &input.settings.limits.rlimits {
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
    let wanted = &input.settings.limits;
    let mut result = Map::new();
    let mut memory = to_object(&wanted.memory)?;
    if !memory.is_empty() {
        require(input, "memory", "memory limits")?;
        // As Podman: memory and swap together are twice the memory where only memory is limited.
        if let (Some(limit), None) = (wanted.memory.limit.filter(|l| *l > 0), wanted.memory.swap) {
            memory.insert("swap".to_owned(), json!(limit.saturating_mul(2)));
        }
        result.insert("memory".to_owned(), Value::Object(memory));
    }
    let cpu = to_object(&wanted.cpu)?;
    if !cpu.is_empty() {
        let wanted = &wanted.cpu;
        if wanted.shares.is_some() || wanted.quota.is_some() || wanted.period.is_some() {
            require(input, "cpu", "CPU limits")?;
        }
        if !wanted.cpus.is_empty() || !wanted.mems.is_empty() {
            require(input, "cpuset", "cpuset limits")?;
        }
        result.insert("cpu".to_owned(), Value::Object(cpu));
    }
    match wanted.pids {
        Some(limit) if limit > 0 => {
            require(input, "pids", "a limit of processes")?;
            result.insert("pids".to_owned(), json!({"limit": limit}));
        }
        Some(_) => {}
        None if wanted.default_pids > 0 && input.cgroup.has("pids") => {
            result.insert("pids".to_owned(), json!({"limit": wanted.default_pids}));
        }
        None => {}
    }
    Ok(result)
}

fn to_object(value: &impl serde::Serialize) -> Result<Map<String, Value>> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => Ok(map.into_iter().filter(|(_, v)| !v.is_null()).collect()),
        _ => Err(Error::invalid("resources", "not an object")),
    }
}

fn require(input: &SpecInput<'_>, controller: &str, what: &str) -> Result<()> {
    if input.cgroup.has(controller) && input.settings.cgroup.own {
        return Ok(());
    }
    let why = match input.cgroup {
        _ if !input.settings.cgroup.own => "cgroups are disabled for this container".to_owned(),
        crate::cgroup::CgroupMode::Disabled { reason, .. } => reason.clone(),
        _ => format!("the cgroup controller {controller} is not available"),
    };
    Err(Error::Unsupported { what: what.to_owned(), why })
}
