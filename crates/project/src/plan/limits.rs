//! What a service's containers may use, and when they are started again, in Docker's words.

use cove_api::{Error, Result};
use cove_compose::model::{Bytes, DeviceRequest, Resource, Service, ThrottleDevice};
use serde_json::{Value, json};

use super::body::ulimits;

/// Processors of nanoseconds in a second.
const NANO: f64 = 1e9;

/// The parts of Docker's `HostConfig` that limit.
///
/// # Errors
/// A number of processors is none.
pub(super) fn resources(service: &Service) -> Result<Value> {
    let mut value = json!({
        "CgroupParent": service.cgroup_parent,
        "Memory": service.mem_limit.0,
        "MemorySwap": service.memswap_limit.0,
        "MemoryReservation": service.mem_reservation.0,
        "OomKillDisable": service.oom_kill_disable,
        "CpuCount": service.cpu_count,
        "CpuPeriod": service.cpu_period,
        "CpuQuota": service.cpu_quota,
        "CpuRealtimePeriod": service.cpu_rt_period,
        "CpuRealtimeRuntime": service.cpu_rt_runtime,
        "CpuShares": service.cpu_shares,
        "NanoCpus": nano(service, service.cpus)?,
        "CpuPercent": f64::from(service.cpu_percent * 100.0) as i64,
        "CpusetCpus": service.cpuset,
        "DeviceCgroupRules": service.device_cgroup_rules,
        "Ulimits": ulimits(service),
    });
    if service.mem_swappiness != Bytes::default() {
        value["MemorySwappiness"] = service.mem_swappiness.0.into();
    }
    if service.pids_limit != 0 {
        value["PidsLimit"] = service.pids_limit.into();
    }
    block_devices(service, &mut value);
    if let Some(deploy) = &service.deploy {
        if let Some(limits) = &deploy.resources.limits {
            at_most(service, limits, &mut value)?;
        }
        if let Some(kept) = &deploy.resources.reservations
            && kept.memory != Bytes::default()
        {
            value["MemoryReservation"] = kept.memory.0.into();
        }
    }
    let (devices, requests) = devices(service);
    value["Devices"] = devices;
    value["DeviceRequests"] = requests;
    Ok(value)
}

fn at_most(service: &Service, limits: &Resource, value: &mut Value) -> Result<()> {
    if limits.memory != Bytes::default() {
        value["Memory"] = limits.memory.0.into();
    }
    if limits.cpus != 0.0 {
        value["NanoCpus"] = nano(service, limits.cpus)?.into();
    }
    if limits.pids > 0 {
        value["PidsLimit"] = limits.pids.into();
    }
    Ok(())
}

/// Processors in their billionths.
fn nano(service: &Service, cpus: f32) -> Result<i64> {
    let nano = f64::from(cpus) * NANO;
    if !(0.0..1e15).contains(&nano) {
        return Err(Error::invalid(format!("service {:?}: {cpus} is no number of processors", service.name)));
    }
    #[allow(clippy::cast_possible_truncation, reason = "it is in range")]
    Ok(nano as i64)
}

fn block_devices(service: &Service, value: &mut Value) {
    let Some(config) = &service.blkio_config else { return };
    value["BlkioWeight"] = config.weight.into();
    let weights = config.weight_device.iter().map(|one| json!({"Path": one.path, "Weight": one.weight}));
    value["BlkioWeightDevice"] = weights.collect();
    for (key, devices) in [
        ("BlkioDeviceReadBps", &config.device_read_bps),
        ("BlkioDeviceReadIOps", &config.device_read_iops),
        ("BlkioDeviceWriteBps", &config.device_write_bps),
        ("BlkioDeviceWriteIOps", &config.device_write_iops),
    ] {
        let rate = |one: &ThrottleDevice| json!({"Path": one.path, "Rate": one.rate.0});
        value[key] = devices.iter().map(rate).collect();
    }
}

/// Devices by path, and those that are asked for by name or by what they can do.
fn devices(service: &Service) -> (Value, Value) {
    let mut by_path = Vec::new();
    let mut by_name = Vec::new();
    for device in &service.devices {
        if device.source == device.target && cove_api::CdiName::is(&device.source) {
            by_name.push(device.source.clone());
        } else {
            by_path.push(json!({
                "PathOnHost": device.source,
                "PathInContainer": device.target,
                "CgroupPermissions": device.permissions,
            }));
        }
    }
    let mut requests = Vec::new();
    if !by_name.is_empty() {
        requests.push(json!({"Driver": "cdi", "DeviceIDs": by_name}));
    }
    let request = |device: &DeviceRequest, more: Option<&str>| {
        let capabilities: Vec<&str> = device.capabilities.iter().map(String::as_str).chain(more).collect();
        json!({
            "Driver": device.driver,
            "Count": device.count,
            "DeviceIDs": device.device_ids,
            "Capabilities": [capabilities],
            "Options": device.options,
        })
    };
    let reserved = service.deploy.iter().filter_map(|deploy| deploy.resources.reservations.as_ref());
    requests.extend(reserved.flat_map(|kept| &kept.devices).map(|device| request(device, None)));
    requests.extend(service.gpus.iter().map(|device| request(device, Some("gpu"))));
    (Value::Array(by_path), Value::Array(requests))
}

/// The restart policy; that of `deploy` holds before the other.
pub(super) fn restart_policy(service: &Service) -> Value {
    if let Some(policy) = service.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref()) {
        return policy_of(&policy.condition, policy.max_attempts.unwrap_or(0));
    }
    let (name, tries) = service.restart.split_once(':').unwrap_or((&service.restart, ""));
    policy_of(name, tries.parse().unwrap_or(0))
}

fn policy_of(condition: &str, tries: u64) -> Value {
    let name = match condition {
        "none" => "no",
        "any" => "always",
        other => other,
    };
    json!({"Name": name, "MaximumRetryCount": tries})
}
