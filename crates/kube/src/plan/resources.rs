//! Limits, requests and devices.

use cove_api::{ContainerSpec, CpuLimits, Device, MemoryLimits, PidsLimit, Resources, StringMap};
use cove_spec::resource;

use super::annotations::{self, of_container};
use crate::error::{Result, bail};
use crate::objects::Container;
use crate::quantity;

/// The pseudo vendor and class under which a device of the host is asked for by its path.
const HOST_DEVICE: &str = "podman.io/device=";

/// Puts them into the request.
pub(super) fn apply(container: &Container, notes: &StringMap, spec: &mut ContainerSpec) -> Result<()> {
    let mut limits = Resources::default();
    let written = &container.resources;
    if let Some(text) = written.limits.get("cpu") {
        let cores = quantity::amount(text).map_err(|error| error.context("failed to set cpu limit"))?;
        if cores > 0.0 {
            let (quota, period) = resource::cpus(&cores.to_string())?;
            limits.cpu = Some(CpuLimits { quota: Some(quota), period: Some(period), ..CpuLimits::default() });
        }
    }
    let bytes = |amounts: &std::collections::BTreeMap<String, String>, what: &str| -> Result<Option<i64>> {
        let amount = amounts.get("memory").map(|text| quantity::bytes(text)).transpose();
        let amount = amount.map_err(|error| error.context(format!("failed to set memory {what}")))?;
        Ok(amount.filter(|amount| *amount > 0))
    };
    let memory = MemoryLimits {
        limit: bytes(&written.limits, "limit")?,
        reservation: bytes(&written.requests, "reservation")?,
        ..MemoryLimits::default()
    };
    if memory != MemoryLimits::default() {
        limits.memory = Some(memory);
    }
    by_annotations(&container.name, notes, &mut limits)?;
    if limits != Resources::default() {
        resource::check(&limits)?;
        spec.resource_limits = Some(limits);
    }
    for name in written.limits.keys().chain(written.requests.keys()) {
        if let Some(path) = device(name)
            && !spec.devices.iter().any(|known| known.path == path)
        {
            spec.devices.push(Device { path: path.to_owned(), ..Device::default() });
        }
    }
    if let Some(text) = notes.get(annotations::ULIMIT) {
        spec.r_limits = resource::ulimits(text.split(','))?;
    }
    Ok(())
}

/// A device among the names of resources: of a vendor, or of the host.
fn device(name: &str) -> Option<&str> {
    if let Some(path) = name.strip_prefix(HOST_DEVICE) {
        return Some(path);
    }
    let (vendor, rest) = name.split_once('/')?;
    let (class, device) = rest.split_once('=')?;
    (!vendor.is_empty() && !class.is_empty() && !device.is_empty()).then_some(name)
}

fn by_annotations(container: &str, notes: &StringMap, limits: &mut Resources) -> Result<()> {
    if let Some(text) = of_container(notes, annotations::PIDS_LIMIT, container) {
        let Ok(limit) = text.parse() else {
            bail!("{}/{container}: {text:?} is no number", annotations::PIDS_LIMIT)
        };
        limits.pids = Some(PidsLimit { limit });
    }
    let cpus = of_container(notes, annotations::CPUSET, container);
    let nodes = of_container(notes, annotations::MEMORY_NODES, container);
    if cpus.is_some() || nodes.is_some() {
        let cpu = limits.cpu.get_or_insert_default();
        cpu.cpus = cpus.unwrap_or_default().to_owned();
        cpu.mems = nodes.unwrap_or_default().to_owned();
    }
    Ok(())
}
