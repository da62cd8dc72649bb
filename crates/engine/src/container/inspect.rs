//! All about a container.

use std::collections::BTreeMap;

use cove_api::{
    ContainerInspect, ContainerInspectConfig, ContainerInspectHostConfig, ContainerInspectState,
    ContainerSpec, ContainerState, GraphDriver, InspectBlkioThrottleDevice, InspectBlkioWeightDevice,
    InspectDevice, InspectHostPort, InspectIDMappings, InspectLogConfig, InspectMount, InspectRestartPolicy,
    InspectSecret, InspectUlimit, Result,
};
use cove_runtime::oci::capabilities::{self, CapabilitySet};
use cove_runtime::oci::{DeviceMapping, Limits, Settings};

use crate::container::list::{size, time};
use crate::container::{health, inspect_network, ports, prepare};
use crate::engine::Core;
use crate::state::{
    ContainerRow, IdRange, IpcMode, LogDriver, MountKind, NamespaceMode, NetworkMode, UserNamespace,
};

/// All about one; `size` also computes its disk use.
pub(super) fn inspect(core: &Core, name: &str, with_size: bool) -> Result<ContainerInspect> {
    let mut row = core.find_container(name)?;
    core.refresh(&mut row)?;
    let config = &row.config;
    let run_dir = core.container_run_dir(&row.id);
    let file = |name: &str| {
        let path = run_dir.join(name);
        if path.exists() { path.to_string_lossy().into_owned() } else { String::new() }
    };
    let request = &core.database()?.request(&row.id)?;
    let (bounding, effective) = capability_sets(core, &row)?;
    let sizes = if with_size { Some(size(core, &row)?) } else { None };
    Ok(ContainerInspect {
        id: row.id.clone(),
        created: time(row.created),
        path: config.arguments.first().cloned().unwrap_or_default(),
        args: config.arguments.get(1..).map(<[String]>::to_vec).unwrap_or_default(),
        state: state(core, &row),
        image: config.image.id.clone(),
        image_digest: config.image.digest.clone(),
        image_name: config.image.name.clone(),
        rootfs: config.rootfs.as_ref().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default(),
        resolv_conf_path: file("resolv.conf"),
        hostname_path: file("hostname"),
        hosts_path: file("hosts"),
        static_dir: core.container_dir(&row.id).to_string_lossy().into_owned(),
        oci_config_path: file("config.json"),
        oci_runtime: runtime_name(core, &row, request),
        name: row.name.clone(),
        restart_count: i32::try_from(row.status.restarts).unwrap_or(i32::MAX),
        driver: core.store()?.driver().name().into(),
        effective_caps: effective,
        bounding_caps: bounding.clone(),
        exec_ids: core
            .database()?
            .execs_of(&row.id)?
            .into_iter()
            .filter(|exec| !exec.spec.no_session)
            .map(|exec| exec.id)
            .collect(),
        graph_driver: graph_driver(core, &row)?,
        size_rw: sizes.map(|sizes| sizes.rw),
        size_root_fs: sizes.map(|sizes| sizes.root_fs).unwrap_or_default(),
        mounts: all_mounts(core, &row)?,
        dependencies: config.dependencies.clone(),
        network_settings: inspect_network::settings(core, &row)?,
        kube_exit_code_propagation: "invalid".into(),
        config: describe(&row, request),
        host_config: host(core, &row, request, &bounding)?,
        conmon_pid_file: config.pid_files.monitor.clone(),
        pid_file: config.pid_files.process.clone(),
        use_image_hosts: request.use_image_hosts == Some(true),
        use_image_hostname: !config.files.hostname,
        pod: config.pod.clone(),
        is_infra: config.infra,
        ..ContainerInspect::default()
    })
}

fn state(core: &Core, row: &ContainerRow) -> ContainerInspectState {
    let status = &row.status;
    // Users know no difference between the two.
    let shown = if row.state == ContainerState::Stopped { ContainerState::Exited } else { row.state };
    let cgroup = if matches!(row.state, ContainerState::Running | ContainerState::Paused) {
        let parent = row.config.settings.cgroup.parent.as_deref();
        core.cgroup().container_path(&row.id, parent).0.unwrap_or_default()
    } else {
        String::new()
    };
    ContainerInspectState {
        oci_version: "1.0.2".into(),
        status: shown,
        running: row.state == ContainerState::Running,
        paused: row.state == ContainerState::Paused,
        oom_killed: status.oom_killed,
        pid: status.pid,
        conmon_pid: status.monitor_pid,
        exit_code: status.exit_code,
        error: status.error.clone(),
        started_at: time(status.started_at),
        finished_at: time(status.finished_at),
        cgroup_path: cgroup,
        stopped_by_user: status.stopped_by_user,
        health: health::found(core, row),
        ..ContainerInspectState::default()
    }
}

fn runtime_name(core: &Core, row: &ContainerRow, request: &ContainerSpec) -> String {
    let asked = &request.oci_runtime;
    if !asked.is_empty() {
        return asked.clone();
    }
    let path = std::path::Path::new(&row.config.runtime);
    match path.file_name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => core.oci_runtime("").map(|runtime| runtime.name).unwrap_or_default(),
    }
}

/// Bounding and effective set.
fn capability_sets(core: &Core, row: &ContainerRow) -> Result<(Vec<String>, Vec<String>)> {
    let host = &core.host_facts().bounding;
    let security = &row.config.settings.security;
    let names = |set: CapabilitySet| set.into_iter().map(ToOwned::to_owned).collect::<Vec<String>>();
    let bounding = names(capabilities::bounding(security.privileged, &security.capabilities, host)?);
    let user = row.config.user.split(':').next().unwrap_or_default();
    let effective = if matches!(user, "" | "0" | "root") {
        bounding.clone()
    } else {
        // Another user keeps what was added by name.
        names(capabilities::merge(&CapabilitySet::new(), &security.capabilities.add, &[], host)?)
    };
    Ok((bounding, effective))
}

fn graph_driver(core: &Core, row: &ContainerRow) -> Result<GraphDriver> {
    let store = core.store()?;
    let mut data = cove_api::StringMap::new();
    if row.config.rootfs.is_none()
        && let Ok((upper, lower)) = store.container_directories(&row.id)
    {
        let lower: Vec<String> = lower.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        data.insert("LowerDir".into(), lower.join(":"));
        if !row.status.mountpoint.is_empty() {
            data.insert("MergedDir".into(), row.status.mountpoint.clone());
        }
        if let Some(parent) = upper.parent() {
            data.insert("WorkDir".into(), parent.join("work").to_string_lossy().into_owned());
        }
        data.insert("UpperDir".into(), upper.to_string_lossy().into_owned());
    }
    Ok(GraphDriver { name: store.driver().name().into(), data })
}

/// What is mounted into it at the user's wish.
pub(crate) fn all_mounts(core: &Core, row: &ContainerRow) -> Result<Vec<InspectMount>> {
    let mut mounts = Vec::new();
    for volume in &row.config.volumes {
        let known = core.database()?.volume(&volume.name)?;
        let source = match &known {
            Some(known) => crate::volume::mountpoint(core, known)?.to_string_lossy().into_owned(),
            None => String::new(),
        };
        let mut mount = InspectMount {
            kind: "volume".into(),
            name: volume.name.clone(),
            source,
            destination: volume.destination.clone(),
            driver: "local".into(),
            sub_path: volume.sub_path.clone(),
            ..InspectMount::default()
        };
        with_options(&mut mount, &volume.options);
        mounts.push(mount);
    }
    let is_memory = |kind| matches!(kind, MountKind::Tmpfs | MountKind::Ramfs);
    for own in row.config.mounts.iter().filter(|mount| !is_memory(mount.kind)) {
        if own.kind == MountKind::Image {
            mounts.push(InspectMount {
                kind: "image".into(),
                source: own.source.clone(),
                destination: own.destination.clone(),
                sub_path: own.sub_path.clone(),
                rw: own.options.iter().any(|option| option == "rw"),
                ..InspectMount::default()
            });
            continue;
        }
        let mut mount = InspectMount {
            kind: "bind".into(),
            source: own.source.clone(),
            destination: own.destination.clone(),
            ..InspectMount::default()
        };
        with_options(&mut mount, &own.options);
        mounts.push(mount);
    }
    Ok(mounts)
}

fn with_options(mount: &mut InspectMount, options: &[String]) {
    mount.rw = true;
    for option in options {
        match option.as_str() {
            "ro" => mount.rw = false,
            "rw" => {}
            "shared" | "slave" | "private" | "rshared" | "rslave" | "rprivate" | "unbindable"
            | "runbindable" => {
                mount.propagation.clone_from(option);
            }
            "z" | "Z" => mount.mode.clone_from(option),
            _ => mount.options.push(option.clone()),
        }
    }
    if mount.propagation.is_empty() {
        mount.propagation = "rprivate".into();
    }
    if !mount.options.iter().any(|option| option == "bind" || option == "rbind") {
        mount.options.push("rbind".into());
    }
}

fn describe(row: &ContainerRow, request: &ContainerSpec) -> ContainerInspectConfig {
    let config = &row.config;
    let mut env = config.env.clone();
    if config.implied_env.hostname && !config.hostname.is_empty() {
        env.push(format!("HOSTNAME={}", config.hostname));
    }
    let mut exposed: BTreeMap<String, serde_json::Value> =
        config.exposed.iter().map(|port| (port.to_string(), serde_json::json!({}))).collect();
    exposed.extend(ports::table(&config.ports).into_keys().map(|port| (port, serde_json::json!({}))));
    ContainerInspectConfig {
        hostname: config.hostname.clone(),
        user: config.user.clone(),
        tty: config.settings.terminal,
        open_stdin: config.stdin,
        env,
        cmd: config.command.clone(),
        image: config.image.name.clone(),
        working_dir: config.work_dir.clone(),
        entrypoint: config.entrypoint.clone(),
        labels: config.labels.clone(),
        annotations: annotations(row, request),
        stop_signal: cove_api::signal::name(config.stop_signal),
        healthcheck: config.health.as_ref().and_then(|health| serde_json::to_value(&health.check).ok()),
        startup_health_check: config
            .health
            .as_ref()
            .and_then(|health| serde_json::to_value(health.startup.as_ref()?).ok()),
        healthcheck_on_failure_action: config
            .health
            .as_ref()
            .map_or("none", |health| health.on_failure.as_str())
            .into(),
        health_log_destination: config
            .health
            .as_ref()
            .map_or("local", |health| health.log_destination.as_str())
            .into(),
        health_max_log_count: config.health.as_ref().map_or(health::LOG_COUNT, |health| health.max_log_count),
        health_max_log_size: config.health.as_ref().map_or(health::LOG_SIZE, |health| health.max_log_size),
        create_command: request.create_command.clone(),
        timezone: config.files.time_zone.clone(),
        umask: format!("{:04o}", config.settings.umask),
        systemd_mode: config.settings.systemd.is_some(),
        timeout: config.timeout,
        stop_timeout: config.stop_timeout,
        passwd: request.passwd,
        sd_notify_mode: config.notify.as_str().into(),
        sd_notify_socket: config.notify_socket.clone(),
        exposed_ports: exposed,
        secrets: config
            .secrets
            .iter()
            .map(|secret| InspectSecret {
                name: secret.name.clone(),
                id: secret.id.clone(),
                uid: secret.uid,
                gid: secret.gid,
                mode: secret.mode,
            })
            .collect(),
        ..ContainerInspectConfig::default()
    }
}

/// The annotations podman keeps of its options, beside the user's.
fn annotations(row: &ContainerRow, request: &ContainerSpec) -> BTreeMap<String, String> {
    let mut all = row.config.settings.annotations.clone();
    for (name, set) in [
        ("autoremove", row.config.auto_remove),
        ("init", request.init == Some(true)),
        ("privileged", row.config.settings.security.privileged),
        ("publish-all", request.publish_image_ports == Some(true)),
    ] {
        if set {
            all.insert(format!("io.podman.annotations.{name}"), "TRUE".into());
        }
    }
    all
}

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

fn host(
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
    InspectLogConfig {
        kind: config.log.driver.as_str().into(),
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
