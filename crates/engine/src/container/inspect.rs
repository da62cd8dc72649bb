//! All about a container.

mod host;

use std::collections::BTreeMap;

use cove_api::{
    ContainerInspect, ContainerInspectConfig, ContainerInspectState, ContainerSpec, ContainerState,
    GraphDriver, InspectMount, InspectSecret, Result,
};
use cove_runtime::oci::capabilities::{self, CapabilitySet};

use crate::container::list::{size, time};
use crate::container::{checkpoint, health, inspect_network, notify, ports};
use crate::engine::Core;
use crate::state::{ContainerRow, MountKind};

pub(crate) use host::{host_port, namespace_mode, network_mode, shown_devices};

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
        app_armor_profile: core
            .host_facts()
            .apparmor_profile(config.settings.security.apparmor.as_deref())
            .unwrap_or_default()
            .to_owned(),
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
        host_config: host::host(core, &row, request, &bounding)?,
        conmon_pid_file: notify::monitor_pid_file(core, &row).display().to_string(),
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
        checkpointed: status.checkpoint.made_at != 0,
        checkpointed_at: time(status.checkpoint.made_at),
        restored: status.checkpoint.restored_at != 0,
        restored_at: time(status.checkpoint.restored_at),
        checkpoint_log: checkpoint::log(core, &row.id, "dump.log"),
        checkpoint_path: checkpoint::path(core, &row.id),
        restore_log: checkpoint::log(core, &row.id, "restore.log"),
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
