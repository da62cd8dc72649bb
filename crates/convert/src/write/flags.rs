//! The request of a container as options of `run`.

use cove_api::{ContainerSpec, Device, HealthAction, IdMap, IdMappings, IntelRdt, Personality, signal};

use super::flag::Flags;
use super::flags_mount;
use super::flags_value::{self as value, NO_OPTION};
use crate::loss::Of;
use crate::model::Container;

/// A command line in its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The options.
    pub(super) flags: Flags,
    /// The image, or the folder of `--rootfs`.
    pub(super) image: String,
    /// Words of the command.
    pub(super) command: Vec<String>,
    /// Folders of the host that are to be there.
    pub(super) folders: Vec<String>,
    /// `always` or `once` of a container that prepares its pod.
    pub(super) prepares: String,
}

/// The command line that makes a container.
#[allow(clippy::too_many_lines, reason = "every field of the request has its line")]
pub(super) fn line(container: &Container, lost: &mut Of<'_>) -> Line {
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
    let mut flags = Flags::default();
    // Who it is.
    flags.text("--name", name);
    flags.text("--pod", pod);
    flags.text("--hostname", hostname);
    flags.pairs("--label", labels);
    flags.pairs("--annotation", annotations);
    flags.every("--requires", dependency_containers);
    flags.text("--conmon-pidfile", conmon_pid_file);
    flags.text("--pidfile", pid_file);
    // When it runs.
    if !restart_policy.is_empty() {
        match restart_tries {
            Some(tries) => flags.add("--restart", format!("{restart_policy}:{tries}")),
            None => flags.add("--restart", restart_policy),
        }
    }
    flags.switch("--rm", *remove == Some(true));
    flags.switch("--rmi", *remove_image == Some(true));
    flags.option("--stop-signal", stop_signal.map(signal::name));
    flags.option("--stop-timeout", *stop_timeout);
    if *timeout != 0 {
        flags.add("--timeout", timeout);
    }
    flags.text("--systemd", systemd);
    flags.text("--sdnotify", sdnotify_mode);
    if let Some(log) = log_configuration {
        value::log(log, &mut flags, lost);
    }
    if let Some(check) = healthconfig {
        value::health(check, &mut flags, lost);
    }
    if let Some(check) = startup_health_config {
        value::startup(check, &mut flags, lost);
    }
    if *health_check_on_failure_action != HealthAction::None {
        flags.add("--health-on-failure", health_check_on_failure_action.as_str());
    }
    flags.text("--health-log-destination", health_log_destination);
    flags.option("--health-max-log-count", *health_max_log_count);
    flags.option("--health-max-log-size", *health_max_log_size);
    // Its image.
    flags.text("--pull", &container.pull);
    flags.text("--os", image_os);
    flags.text("--arch", image_arch);
    flags.text("--variant", image_variant);
    flags.text("--image-volume", image_volume_mode);
    // Its process.
    if let Some(words) = entrypoint {
        flags.add("--entrypoint", value::program(words));
    }
    flags.switch("--env-host", *env_host == Some(true));
    flags.truth("--http-proxy", *httpproxy);
    flags.pairs("--env", env);
    flags.every("--env-merge", envmerge);
    flags.every("--unsetenv", unsetenv);
    flags.switch("--unsetenv-all", *unsetenvall == Some(true));
    flags.switch("--interactive", *stdin == Some(true));
    flags.switch("--tty", *terminal == Some(true));
    flags.text("--user", user);
    flags.every("--group-add", groups);
    flags.text("--workdir", work_dir);
    lost.given("create_working_dir", &create_working_dir.filter(|is_on| *is_on), NO_OPTION);
    flags.switch("--init", *init == Some(true));
    flags.text("--init-path", init_path);
    flags.text("--tz", timezone);
    flags.text("--umask", umask);
    flags.truth("--passwd", *passwd);
    flags.text("--passwd-entry", passwd_entry);
    flags.text("--group-entry", group_entry);
    flags.every("--hostuser", hostusers);
    if let Some(Personality { domain, flags: more }) = personality {
        flags.add("--personality", domain);
        lost.given("personality.flags", more, NO_OPTION);
    }
    lost.given("preserve_fds", preserve_fds, "descriptors belong to the command that has them open");
    // Its files.
    flags_mount::mounts(mounts, &mut flags, lost);
    flags_mount::volumes(volumes, &mut flags, lost);
    flags_mount::overlays(overlay_volumes, &mut flags, lost);
    flags_mount::images(image_volumes, &mut flags);
    flags.every("--volumes-from", volumes_from);
    for device in devices {
        let Device { path, kind, major, minor, file_mode, uid, gid } = device;
        flags.add("--device", path);
        for (given, field) in [(!kind.is_empty(), "type"), (*major != 0, "major"), (*minor != 0, "minor")] {
            if given {
                lost.lost(&format!("devices.{path}.{field}"), NO_OPTION);
            }
        }
        lost.given(&format!("devices.{path}.fileMode"), file_mode, NO_OPTION);
        for owner in [uid, gid] {
            lost.given(&format!("devices.{path} (owner)"), owner, NO_OPTION);
        }
    }
    flags.every("--gpus", gpus);
    for rule in device_cgroup_rule {
        match value::device_rule(rule) {
            Some(rule) => flags.add("--device-cgroup-rule", rule),
            None => lost.lost("device_cgroup_rule", "a rule that takes away has no option"),
        }
    }
    flags.every("--chrootdirs", chroot_directories);
    flags.every("--secret", secrets.iter().map(value::secret));
    let variables = secret_env.iter();
    flags.every("--secret", variables.map(|(name, secret)| format!("{secret},type=env,target={name}")));
    flags.option("--shm-size", shm_size.map(value::bytes));
    flags.option("--shm-size-systemd", shm_size_systemd.map(value::bytes));
    flags.truth("--read-only", *read_only_filesystem);
    flags.truth("--read-only-tmpfs", *read_write_tmpfs);
    // Its networks.
    value::networks(netns, networks, network_options, &mut flags, lost);
    lost.given("networkOrder", network_order, "networks are in the order of their names");
    flags.every("--publish", portmappings.iter().map(value::port));
    flags.switch("--publish-all", *publish_image_ports == Some(true));
    for (port, protocols) in expose {
        flags.every("--expose", protocols.split(',').map(|protocol| format!("{port}/{protocol}")));
    }
    if *use_image_resolv_conf == Some(true) {
        flags.add("--dns", "none");
    }
    flags.every("--dns", dns_server);
    flags.every("--dns-search", dns_search);
    flags.every("--dns-option", dns_option);
    flags.every("--add-host", hostadd);
    flags.switch("--no-hosts", *use_image_hosts == Some(true));
    flags.switch("--no-hostname", *use_image_hostname == Some(true));
    flags.text("--hosts-file", base_hosts_file);
    // Its rights.
    flags.switch("--privileged", *privileged == Some(true));
    flags.every("--cap-add", cap_add);
    flags.every("--cap-drop", cap_drop);
    if let Some(is_on) = no_new_privileges {
        flags.add("--security-opt", if *is_on { "no-new-privileges" } else { "no-new-privileges=false" });
    }
    flags.every("--security-opt", selinux_opts.iter().map(|label| format!("label={label}")));
    for (option, text) in [("apparmor", apparmor_profile), ("seccomp", seccomp_profile_path)] {
        if !text.is_empty() {
            flags.add("--security-opt", format!("{option}={text}"));
        }
    }
    for (option, paths) in [("mask", mask), ("unmask", unmask)] {
        flags.every("--security-opt", paths.iter().map(|path| format!("{option}={path}")));
    }
    if !proc_opts.is_empty() {
        flags.add("--security-opt", format!("proc-opts={}", proc_opts.join(",")));
    }
    flags.text("--seccomp-policy", seccomp_policy);
    flags.pairs("--sysctl", sysctl);
    for (option, namespace) in
        [("--pid", pidns), ("--ipc", ipcns), ("--uts", utsns), ("--cgroupns", cgroupns)]
    {
        flags.option(option, value::mode(namespace));
    }
    if idmappings.is_none() || userns.nsmode != "private" {
        flags.option("--userns", value::mode(userns));
    }
    if let Some(maps) = idmappings {
        mappings(maps, &mut flags, lost);
    }
    // Its limits.
    if let Some(limits) = resource_limits {
        value::resources(limits, &mut flags, lost);
    }
    for (option, rates) in [
        ("--device-read-bps", throttle_read_bps_device),
        ("--device-write-bps", throttle_write_bps_device),
        ("--device-read-iops", throttle_read_iops_device),
        ("--device-write-iops", throttle_write_iops_device),
    ] {
        flags.every(option, rates.iter().map(|(device, rate)| format!("{device}:{}", rate.rate)));
    }
    let weights = weight_device.iter();
    let weights = weights.filter_map(|(device, own)| Some(format!("{device}:{}", own.weight?)));
    flags.every("--blkio-weight-device", weights);
    flags.every("--ulimit", r_limits.iter().map(value::ulimit));
    flags.option("--oom-score-adj", *oom_score_adj);
    flags.text("--cgroups", cgroups_mode);
    flags.text("--cgroup-parent", cgroup_parent);
    flags.pairs("--cgroup-conf", unified);
    if let Some(rdt) = intel_rdt {
        let IntelRdt { clos_id, schemata, l3_cache_schema, mem_bw_schema, enable_monitoring } = rdt;
        flags.text("--rdt-class", clos_id);
        lost.given("intelRdt.schemata", schemata, NO_OPTION);
        lost.given("intelRdt.l3CacheSchema", l3_cache_schema, NO_OPTION);
        lost.given("intelRdt.memBwSchema", mem_bw_schema, NO_OPTION);
        lost.given("intelRdt.enableMonitoring", enable_monitoring, NO_OPTION);
    }
    lost.given("oci_runtime", oci_runtime, "--runtime stands before the command: cove --runtime NAME run");
    // What this version does not do itself.
    lost.given("artifact_volumes", artifact_volumes, NO_OPTION);
    lost.given("devices_from", devices_from, NO_OPTION);
    lost.given("host_device_list", host_device_list, NO_OPTION);
    lost.given("storage_opts", storage_opts, NO_OPTION);
    lost.given("rootfs_propagation", rootfs_propagation, NO_OPTION);
    lost.given("volatile", volatile, NO_OPTION);
    lost.given("label_nested", label_nested, NO_OPTION);
    let image = if rootfs.is_empty() {
        image.clone()
    } else {
        flags.switch("--rootfs", true);
        match (*rootfs_overlay, rootfs_mapping.as_str()) {
            (Some(true), _) => format!("{rootfs}:O"),
            (_, "") => rootfs.clone(),
            (_, mapping) => format!("{rootfs}:{mapping}"),
        }
    };
    Line {
        flags,
        image,
        command: command.clone(),
        folders: create_bind_sources.clone(),
        prepares: init_container_type.clone(),
    }
}

/// Mappings of ids.
pub(super) fn mappings(maps: &IdMappings, flags: &mut Flags, lost: &mut Of<'_>) {
    let IdMappings {
        host_uid_mapping,
        host_gid_mapping,
        uid_map,
        gid_map,
        auto_user_ns,
        auto_user_ns_options,
    } = maps;
    let text = |map: &IdMap| {
        let IdMap { container_id, host_id, size } = map;
        format!("{container_id}:{host_id}:{size}")
    };
    flags.every("--uidmap", uid_map.iter().map(text));
    flags.every("--gidmap", gid_map.iter().map(text));
    for (field, given) in [("HostUIDMapping", host_uid_mapping), ("HostGIDMapping", host_gid_mapping)] {
        lost.given(&format!("idmappings.{field}"), given, NO_OPTION);
    }
    lost.given("idmappings.AutoUserNs", auto_user_ns, "--userns=auto says it");
    lost.given("idmappings.AutoUserNsOpts", auto_user_ns_options, "--userns=auto:OPTIONS says it");
}
