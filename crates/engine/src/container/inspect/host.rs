//! What a container has of its host, as Docker's and Podman's `HostConfig` says it.

use std::collections::BTreeMap;

use cove_api::{
    ContainerInspectHostConfig, ContainerSpec, InspectBlkioThrottleDevice, InspectBlkioWeightDevice,
    InspectDevice, InspectHostPort, InspectIDMappings, InspectLogConfig, InspectRestartPolicy, InspectUlimit,
    Result,
};
use cove_runtime::oci::{DeviceMapping, Limits, Settings, capabilities};

use super::annotations;
use crate::container::{ports, prepare};
use crate::engine::Core;
use crate::state::{
    ContainerRow, IdRange, IpcMode, LogDriver, MountKind, NamespaceMode, NetworkMode, UserNamespace,
};
/// How a namespace is shown.
pub(crate) fn namespace_mode(namespace: &NamespaceMode) -> String {
    match namespace {
        NamespaceMode::Private => "private".into(),
        NamespaceMode::Host => "host".into(),
        NamespaceMode::Container(id) => format!("container:{id}"),
        NamespaceMode::Path(path) => format!("ns:{}", path.display()),
    }
}

fn userns_mode(namespace: &NamespaceMode) -> String {
    match namespace {
        NamespaceMode::Host => String::new(),
        other => namespace_mode(other),
    }
}

fn id_mappings(namespace: &UserNamespace) -> Option<InspectIDMappings> {
    let shown = |ranges: &[IdRange]| ranges.iter().map(ToString::to_string).collect();
    (!namespace.users.is_empty())
        .then(|| InspectIDMappings { uid_map: shown(&namespace.users), gid_map: shown(&namespace.groups) })
}

fn ipc_mode(namespace: &IpcMode) -> String {
    match namespace {
        IpcMode::Private => "private".into(),
        IpcMode::Shareable => "shareable".into(),
        IpcMode::None => "none".into(),
        IpcMode::Host => "host".into(),
        IpcMode::Container(id) => format!("container:{id}"),
        IpcMode::Path(path) => format!("ns:{}", path.display()),
    }
}

/// How the network mode is shown.
pub(crate) fn network_mode(row: &ContainerRow) -> String {
    match &row.config.network {
        NetworkMode::Bridge => "bridge".into(),
        NetworkMode::None => "none".into(),
        NetworkMode::Host => "host".into(),
        NetworkMode::Container(id) => format!("container:{id}"),
        NetworkMode::Path(path) => format!("ns:{path}"),
        NetworkMode::Userland | NetworkMode::Pasta => "pasta".into(),
        NetworkMode::Slirp => "slirp4netns".into(),
        NetworkMode::Private => "private".into(),
    }
}

/// What a container has of its host.
pub(super) fn host(
    core: &Core,
    row: &ContainerRow,
    request: &ContainerSpec,
    bounding: &[String],
) -> Result<ContainerInspectHostConfig> {
    let config = &row.config;
    let settings = &config.settings;
    let privileged = settings.security.privileged;
    let mut missing: Vec<String> = if privileged {
        core.host_facts().bounding.iter().map(|name| (*name).to_owned()).collect()
    } else {
        capabilities::base(&settings.security.capabilities)?.into_iter().map(ToOwned::to_owned).collect()
    };
    let added = bounding.iter().filter(|name| !missing.contains(name)).cloned().collect();
    missing.retain(|name| !bounding.contains(name));
    let Limits { memory, cpu, .. } = settings.limits.clone();
    let period = cpu.period.unwrap_or_default();
    let quota = cpu.quota.unwrap_or_default();
    let pids_limit = match settings.limits.pids {
        Some(limit) => limit,
        None if core.cgroup().has("pids") => settings.limits.default_pids,
        None => 0,
    };
    let port_bindings = ports::table(&config.ports)
        .into_iter()
        .map(|(port, hosts)| (port, hosts.into_iter().map(host_port).collect()))
        .collect();
    let (binds, tmpfs) = binds(row);
    let no_cgroups = !settings.cgroup.own || !core.cgroup().is_enabled();
    Ok(ContainerInspectHostConfig {
        binds,
        cgroup_manager: core.cgroup().name().into(),
        cgroup_mode: namespace_mode(&config.namespaces.cgroup),
        container_id_file: settings
            .annotations
            .get("io.podman.annotations.cid-file")
            .cloned()
            .unwrap_or_default(),
        log_config: log_config(core, row, request),
        network_mode: network_mode(row),
        port_bindings,
        restart_policy: InspectRestartPolicy {
            name: config.restart.as_str().into(),
            maximum_retry_count: config.restart.tries(),
        },
        auto_remove: config.auto_remove,
        auto_remove_image: config.remove_image,
        annotations: annotations(row, request),
        volumes_from: request.volumes_from.clone(),
        cap_add: added,
        cap_drop: missing,
        dns: request.dns_server.clone(),
        dns_options: request.dns_option.clone(),
        dns_search: request.dns_search.clone(),
        extra_hosts: request.hostadd.clone(),
        group_add: request.groups.clone(),
        ipc_mode: ipc_mode(&config.namespaces.ipc),
        cgroups: if no_cgroups { "disabled".into() } else { "default".into() },
        oom_score_adj: settings.limits.oom_score_adj.unwrap_or_default(),
        pid_mode: namespace_mode(&config.namespaces.pid),
        privileged,
        publish_all_ports: request.publish_image_ports == Some(true),
        readonly_rootfs: settings.root.read_only,
        security_opt: security_options(row, request),
        tmpfs,
        userns_mode: userns_mode(&config.userns.mode),
        id_mappings: id_mappings(&config.userns),
        uts_mode: namespace_mode(&config.namespaces.uts),
        shm_size: settings.shm_size,
        runtime: "oci".into(),
        console_size: vec![0, 0],
        cpu_shares: cpu.shares.unwrap_or_default(),
        memory: memory.limit.unwrap_or_default(),
        nano_cpus: if period == 100_000 { quota.saturating_mul(10_000) } else { 0 },
        cgroup_parent: settings.cgroup.parent.clone().unwrap_or_default(),
        cpu_period: period,
        cpu_quota: quota,
        cpuset_cpus: cpu.cpus,
        cpuset_mems: cpu.mems,
        devices: devices(settings),
        memory_reservation: memory.reservation.unwrap_or_default(),
        memory_swap: memory.swap.unwrap_or_default(),
        memory_swappiness: memory.swappiness.and_then(|value| i64::try_from(value).ok()),
        oom_kill_disable: memory.disable_oom_killer == Some(true),
        cpu_realtime_runtime: cpu.realtime_runtime.unwrap_or_default(),
        cpu_realtime_period: cpu.realtime_period.unwrap_or_default(),
        blkio_weight: settings.limits.block_io.weight.unwrap_or_default(),
        blkio_weight_device: weights(&request.weight_device),
        blkio_device_read_bps: rates(&request.throttle_read_bps_device),
        blkio_device_write_bps: rates(&request.throttle_write_bps_device),
        blkio_device_read_iops: rates(&request.throttle_read_iops_device),
        blkio_device_write_iops: rates(&request.throttle_write_iops_device),
        cgroup_conf: settings.limits.unified.clone(),
        init: request.init == Some(true),
        pids_limit,
        ulimits: ulimits(&settings.limits),
        ..ContainerInspectHostConfig::default()
    })
}

fn weights(devices: &cove_api::WeightDevices) -> Vec<InspectBlkioWeightDevice> {
    let shown = |(path, device): (&String, &cove_api::WeightDevice)| InspectBlkioWeightDevice {
        path: path.clone(),
        weight: device.weight.unwrap_or_default(),
    };
    devices.iter().map(shown).collect()
}

fn rates(devices: &cove_api::ThrottleDevices) -> Vec<InspectBlkioThrottleDevice> {
    let shown = |(path, device): (&String, &cove_api::ThrottleDevice)| InspectBlkioThrottleDevice {
        path: path.clone(),
        rate: device.rate,
    };
    devices.iter().map(shown).collect()
}

/// Where a port is published, as shown.
pub(crate) fn host_port((ip, port): (String, u16)) -> InspectHostPort {
    InspectHostPort {
        host_ip: if ip.is_empty() { "0.0.0.0".into() } else { ip },
        host_port: port.to_string(),
    }
}

fn log_config(core: &Core, row: &ContainerRow, request: &ContainerSpec) -> InspectLogConfig {
    let config = &row.config;
    let tag = request
        .log_configuration
        .as_ref()
        .and_then(|log| log.options.get("tag").cloned())
        .unwrap_or_default();
    let path = if config.log.driver == LogDriver::K8sFile {
        prepare::log_path(core, row).to_string_lossy().into_owned()
    } else {
        String::new()
    };
    // Both names are for the same file.
    let asked = request.log_configuration.as_ref().map(|log| log.driver.as_str());
    let kind = if asked == Some("json-file") { "json-file" } else { config.log.driver.as_str() };
    InspectLogConfig {
        kind: kind.into(),
        path,
        tag,
        size: human_size(config.log.size),
        ..InspectLogConfig::default()
    }
}

/// As Docker prints sizes: `0B`, `1.5kB`, `10MB`.
fn human_size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let text = format!("{value:.3}");
    let digits: String = text.chars().take(5).collect();
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    format!("{}{}", if digits.is_empty() { "0" } else { digits }, units[unit])
}

fn binds(row: &ContainerRow) -> (Vec<String>, BTreeMap<String, String>) {
    let mut binds = Vec::new();
    let mut tmpfs = BTreeMap::new();
    let shown = |source: &str, destination: &str, options: &[String]| {
        if options.is_empty() {
            format!("{source}:{destination}")
        } else {
            format!("{source}:{destination}:{}", options.join(","))
        }
    };
    for volume in &row.config.volumes {
        binds.push(shown(&volume.name, &volume.destination, &volume.options));
    }
    for mount in row.config.mounts.iter().filter(|mount| mount.kind != MountKind::Image) {
        if matches!(mount.kind, MountKind::Tmpfs | MountKind::Ramfs) {
            tmpfs.insert(mount.destination.clone(), mount.options.join(","));
        } else {
            binds.push(shown(&mount.source, &mount.destination, &mount.options));
        }
    }
    (binds, tmpfs)
}

fn security_options(row: &ContainerRow, request: &ContainerSpec) -> Vec<String> {
    let security = &row.config.settings.security;
    let mut options = Vec::new();
    if security.no_new_privileges {
        options.push("no-new-privileges".into());
    }
    for label in &request.selinux_opts {
        options.push(format!("label={label}"));
    }
    if !request.seccomp_profile_path.is_empty() {
        options.push(format!("seccomp={}", request.seccomp_profile_path));
    }
    if !request.apparmor_profile.is_empty() {
        options.push(format!("apparmor={}", request.apparmor_profile));
    }
    if security.privileged || security.unmask.iter().any(|path| path.eq_ignore_ascii_case("all")) {
        options.push("unmask=all".into());
    }
    options
}

/// The devices of a container, as shown.
pub(crate) fn shown_devices(row: &ContainerRow) -> Vec<InspectDevice> {
    devices(&row.config.settings)
}

fn devices(settings: &Settings) -> Vec<InspectDevice> {
    if settings.security.privileged {
        return Vec::new();
    }
    let shown = |device: &DeviceMapping| InspectDevice {
        path_on_host: device.source.to_string_lossy().into_owned(),
        path_in_container: device.target.to_string_lossy().into_owned(),
        cgroup_permissions: String::new(),
    };
    settings.devices.iter().map(shown).collect()
}

fn ulimits(limits: &Limits) -> Vec<InspectUlimit> {
    let full = |name: &str| {
        let upper = name.to_ascii_uppercase();
        if upper.starts_with("RLIMIT_") { upper } else { format!("RLIMIT_{upper}") }
    };
    let number = |value: u64| i64::try_from(value).unwrap_or(-1);
    let mut all: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for limit in limits.default_rlimits.iter().chain(&limits.rlimits) {
        all.insert(full(&limit.kind), (number(limit.soft), number(limit.hard)));
    }
    all.into_iter().map(|(name, (soft, hard))| InspectUlimit { name, soft, hard }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_as_docker_does() {
        for (bytes, text) in [(0, "0B"), (1500, "1.5kB"), (10_000_000, "10MB")] {
            assert_eq!(human_size(bytes), text);
        }
    }
}
