//! A container as a service of a Compose file.

use cove_api::{ContainerSpec, HealthAction, signal};
use cove_compose::model::{Bytes, Command, Dependency, Duration, Service};

use super::compose::NO_KEY;
use super::compose_limits::{block_devices, resources};
use super::compose_value::{self as own, namespace_into, network, ports, service_of};
use super::flags_value as value;
use crate::loss::Of;
use crate::model::{Application, Condition, Container};

/// The service. Its volumes and networks have the engine's names yet.
#[allow(clippy::too_many_lines, reason = "every field of the request has its line")]
pub(super) fn service(
    application: &Application,
    project: &str,
    container: &Container,
    lost: &mut Of<'_>,
) -> Service {
    let ContainerSpec {
        name,
        pod,
        entrypoint,
        command,
        env_host,
        httpproxy,
        env,
        unsetenv,
        unsetenvall,
        terminal,
        stdin,
        labels,
        annotations,
        stop_signal,
        stop_timeout,
        timeout,
        log_configuration,
        restart_policy,
        restart_tries,
        oci_runtime,
        pidns,
        utsns,
        ipcns,
        userns,
        cgroupns,
        netns,
        hostname,
        sysctl,
        remove,
        remove_image,
        create_command: _, // of the command that made it
        timezone,
        passwd,
        passwd_entry,
        group_entry,
        image,
        raw_image_name: _, // `image` has it
        image_os,
        image_arch,
        image_variant,
        rootfs,
        image_volume_mode,
        volumes_from,
        init,
        init_path,
        mounts,
        create_bind_sources,
        volumes,
        devices,
        shm_size,
        work_dir,
        create_working_dir,
        privileged,
        user,
        groups,
        cap_add,
        cap_drop,
        selinux_opts,
        apparmor_profile,
        seccomp_profile_path,
        no_new_privileges,
        read_only_filesystem,
        read_write_tmpfs,
        umask,
        proc_opts,
        mask,
        unmask,
        cgroups_mode,
        cgroup_parent,
        portmappings,
        publish_image_ports,
        expose,
        networks,
        cni_networks: _, // of the API alone
        use_image_resolv_conf,
        dns_server,
        dns_search,
        dns_option,
        use_image_hosts,
        hostadd,
        network_options,
        resource_limits,
        r_limits,
        oom_score_adj,
        network_order,
        use_image_hostname,
        systemd,
        secrets,
        secret_env,
        healthconfig,
        health_check_on_failure_action,
        startup_health_config,
        health_log_destination,
        health_max_log_count,
        health_max_log_size,
        conmon_pid_file,
        hostusers,
        dependency_containers,
        personality,
        envmerge,
        device_cgroup_rule,
        chroot_directories,
        seccomp_policy,
        base_hosts_file,
        intel_rdt,
        weight_device,
        throttle_read_bps_device,
        throttle_write_bps_device,
        throttle_read_iops_device,
        throttle_write_iops_device,
        unified,
        overlay_volumes,
        image_volumes,
        rootfs_overlay,
        sdnotify_mode,
        idmappings,
        shm_size_systemd,
        pid_file,
        preserve_fds,
        gpus,
        init_container_type,
        rootfs_mapping,
        artifact_volumes,
        devices_from,
        host_device_list,
        storage_opts,
        rootfs_propagation,
        volatile,
        label_nested,
    } = &container.spec;
    if !pod.is_empty() && !application.pods.iter().any(|known| known.name == *pod) {
        lost.lost("pod", "the pod is not part of what is converted");
    }
    lost.given("env_host", env_host, NO_KEY);
    lost.given("httpproxy", httpproxy, NO_KEY);
    lost.given("unsetenv", unsetenv, "a variable without a value is taken from where Compose runs");
    lost.given("unsetenvall", unsetenvall, NO_KEY);
    lost.given("timeout", timeout, NO_KEY);
    lost.given("remove", remove, "containers of a project stay until it is taken down");
    lost.given("removeImage", remove_image, NO_KEY);
    lost.given("timezone", timezone, NO_KEY);
    lost.given("manage_password", passwd, NO_KEY);
    lost.given("passwd_entry", passwd_entry, NO_KEY);
    lost.given("group_entry", group_entry, NO_KEY);
    lost.given("rootfs", rootfs, "a service has an image");
    lost.given("rootfs_overlay", rootfs_overlay, "a service has an image");
    lost.given("rootfs_mapping", rootfs_mapping, "a service has an image");
    lost.given("image_volume_mode", image_volume_mode, NO_KEY);
    lost.given("init_path", init_path, NO_KEY);
    lost.given("create_working_dir", &create_working_dir.filter(|is_on| *is_on), NO_KEY);
    lost.given("read_write_tmpfs", read_write_tmpfs, NO_KEY);
    lost.given("umask", umask, NO_KEY);
    lost.given("cgroups_mode", cgroups_mode, NO_KEY);
    lost.given("publish_image_ports", publish_image_ports, NO_KEY);
    lost.given("use_image_resolve_conf", use_image_resolv_conf, NO_KEY);
    lost.given("use_image_hosts", use_image_hosts, NO_KEY);
    lost.given("use_image_hostname", use_image_hostname, NO_KEY);
    lost.given("base_hosts_file", base_hosts_file, NO_KEY);
    lost.given("networkOrder", network_order, NO_KEY);
    lost.given("systemd", systemd, NO_KEY);
    lost.given("secrets", secrets, "secrets of the engine are none of a project's");
    lost.given("secret_env", secret_env, "secrets of the engine are none of a project's");
    let acts = *health_check_on_failure_action != HealthAction::None;
    lost.given("health_check_on_failure_action", &acts, NO_KEY);
    lost.given("startupHealthConfig", startup_health_config, NO_KEY);
    lost.given("healthLogDestination", health_log_destination, NO_KEY);
    lost.given("healthMaxLogCount", health_max_log_count, NO_KEY);
    lost.given("healthMaxLogSize", health_max_log_size, NO_KEY);
    lost.given("conmon_pid_file", conmon_pid_file, NO_KEY);
    lost.given("pid_file", pid_file, NO_KEY);
    lost.given("preserve_fds", preserve_fds, NO_KEY);
    lost.given("hostusers", hostusers, NO_KEY);
    lost.given("personality", personality, NO_KEY);
    lost.given("envmerge", envmerge, NO_KEY);
    lost.given("chroot_directories", chroot_directories, NO_KEY);
    lost.given("seccomp_policy", seccomp_policy, NO_KEY);
    lost.given("intelRdt", intel_rdt, NO_KEY);
    lost.given("unified", unified, NO_KEY);
    lost.given("overlay_volumes", overlay_volumes, NO_KEY);
    lost.given("sdnotifyMode", sdnotify_mode, NO_KEY);
    lost.given("idmappings", idmappings, NO_KEY);
    lost.given("shm_size_systemd", shm_size_systemd, NO_KEY);
    lost.given("init_container_type", init_container_type, NO_KEY);
    lost.given("artifact_volumes", artifact_volumes, NO_KEY);
    lost.given("devices_from", devices_from, NO_KEY);
    lost.given("host_device_list", host_device_list, NO_KEY);
    lost.given("storage_opts", storage_opts, NO_KEY);
    lost.given("rootfs_propagation", rootfs_propagation, NO_KEY);
    lost.given("volatile", volatile, NO_KEY);
    lost.given("label_nested", label_nested, NO_KEY);
    let mut made = Service {
        name: container.key.clone(),
        annotations: annotations.clone(),
        cap_add: cap_add.clone(),
        cap_drop: cap_drop.clone(),
        cgroup_parent: cgroup_parent.clone(),
        command: Command((!command.is_empty()).then(|| command.clone())),
        device_cgroup_rules: device_cgroup_rule.iter().filter_map(value::device_rule).collect(),
        devices: devices.iter().map(|device| own::device(&device.path)).collect(),
        dns: dns_server.clone(),
        dns_opt: dns_option.clone(),
        dns_search: dns_search.clone(),
        entrypoint: Command(entrypoint.clone()),
        environment: env.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect(),
        expose: own::exposed(expose),
        extra_hosts: own::hosts(hostadd),
        group_add: groups.clone(),
        gpus: gpus.iter().map(|name| own::gpu(name)).collect(),
        hostname: hostname.clone(),
        image: image.clone(),
        init: *init,
        labels: labels.clone(),
        oom_score_adj: oom_score_adj.map_or(0, i64::from),
        platform: own::platform(image_os, image_arch, image_variant),
        ports: ports(portmappings, lost),
        privileged: *privileged == Some(true),
        read_only: *read_only_filesystem == Some(true),
        restart: match restart_tries {
            Some(tries) => format!("{restart_policy}:{tries}"),
            None => restart_policy.clone(),
        },
        runtime: oci_runtime.clone(),
        shm_size: Bytes(shm_size.unwrap_or(0)),
        stdin_open: *stdin == Some(true),
        stop_grace_period: stop_timeout.map(|seconds| Duration(i64::from(seconds) * 1_000_000_000)),
        stop_signal: stop_signal.map(signal::name).unwrap_or_default(),
        sysctls: sysctl.clone(),
        tty: *terminal == Some(true),
        ulimits: r_limits
            .iter()
            .map(|limit| (limit.kind.clone(), own::ulimit(limit.soft, limit.hard)))
            .collect(),
        user: user.clone(),
        working_dir: work_dir.clone(),
        ..Service::default()
    };
    if !name.is_empty() && *name != format!("{project}-{}-1", container.key) {
        made.container_name.clone_from(name);
    }
    match container.pull.as_str() {
        policy @ ("" | "always" | "missing" | "never") => policy.clone_into(&mut made.pull_policy),
        _ => lost.lost("pull", NO_KEY),
    }
    if device_cgroup_rule.iter().any(|rule| !rule.allow) {
        lost.lost("device_cgroup_rule", "a rule that takes away has no key");
    }
    for (namespace, key, field) in [
        (pidns, &mut made.pid, "pidns"),
        (utsns, &mut made.uts, "utsns"),
        (ipcns, &mut made.ipc, "ipcns"),
        (userns, &mut made.userns_mode, "userns"),
        (cgroupns, &mut made.cgroup, "cgroupns"),
    ] {
        namespace_into(application, namespace, key, field, lost);
    }
    network(application, netns, networks, network_options, &container.key, &mut made, lost);
    own::security(&mut made, selinux_opts, apparmor_profile, seccomp_profile_path, *no_new_privileges);
    for (option, paths) in [("mask", mask), ("unmask", unmask)] {
        made.security_opt.extend(paths.iter().map(|path| match path.as_str() {
            "ALL" if option == "unmask" => "systempaths=unconfined".to_owned(),
            path => format!("{option}={path}"),
        }));
    }
    if !proc_opts.is_empty() {
        made.security_opt.push(format!("proc-opts={}", proc_opts.join(",")));
    }
    for name in volumes_from {
        let (name, options) = match name.split_once(':') {
            Some((name, options)) => (name, format!(":{options}")),
            None => (name.as_str(), String::new()),
        };
        made.volumes_from.push(match service_of(application, name) {
            Some(key) => format!("{key}{options}"),
            None => format!("container:{name}{options}"),
        });
    }
    made.logging = log_configuration.as_ref().map(|log| own::logging(log, lost));
    made.healthcheck = healthconfig.as_ref().map(|check| own::healthcheck(check, lost));
    own::mounts_of(mounts, create_bind_sources, &mut made, lost);
    made.volumes.extend(volumes.iter().map(|volume| own::volume(volume, lost)));
    made.volumes.extend(image_volumes.iter().map(own::image_volume));
    if let Some(limits) = resource_limits {
        resources(limits, &mut made, lost);
    }
    block_devices(
        &mut made,
        weight_device.iter().filter_map(|(path, own)| Some((path, own.weight?))),
        [
            throttle_read_bps_device,
            throttle_read_iops_device,
            throttle_write_bps_device,
            throttle_write_iops_device,
        ],
    );
    for name in dependency_containers {
        match service_of(application, name) {
            Some(key) => drop(made.depends_on.insert(key, Dependency::default())),
            None => lost.lost(&format!("dependencyContainers.{name}"), "it is no service of the project"),
        }
    }
    for after in &container.after {
        let condition = match after.condition {
            Condition::Started => "service_started",
            Condition::Healthy => "service_healthy",
            Condition::Completed => "service_completed_successfully",
        };
        let dependency = Dependency { condition: condition.to_owned(), ..Dependency::default() };
        made.depends_on.insert(after.key.clone(), dependency);
    }
    made
}
