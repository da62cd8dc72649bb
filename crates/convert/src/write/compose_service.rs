//! A container as a service of a Compose file.

use std::collections::BTreeMap;

use cove_api::{
    BlockIo, ContainerSpec, CpuLimits, HealthAction, HealthConfig, ImageVolume, LogConfig, MemoryLimits,
    Mount, NamedVolume, Namespace, PerNetworkOptions, PortMapping, Resources, ThrottleDevices, signal,
};
use cove_compose::model::{
    self, BindOptions, BlkioConfig, Bytes, Command, Dependency, DeviceMapping, DeviceRequest, Duration,
    Healthcheck, Hosts, ImageOptions, Logging, Port, Service, ServiceNetwork, ThrottleDevice, Ulimit,
    VolumeOptions, WeightDevice,
};
use cove_spec::health;

use super::compose::NO_KEY;
use super::flags_value::{self as value, processors};
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
        devices: devices.iter().map(|device| self::device(&device.path)).collect(),
        dns: dns_server.clone(),
        dns_opt: dns_option.clone(),
        dns_search: dns_search.clone(),
        entrypoint: Command(entrypoint.clone()),
        environment: env.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect(),
        expose: exposed(expose),
        extra_hosts: hosts(hostadd),
        group_add: groups.clone(),
        gpus: gpus.iter().map(|name| gpu(name)).collect(),
        hostname: hostname.clone(),
        image: image.clone(),
        init: *init,
        labels: labels.clone(),
        oom_score_adj: oom_score_adj.map_or(0, i64::from),
        platform: platform(image_os, image_arch, image_variant),
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
        ulimits: r_limits.iter().map(|limit| (limit.kind.clone(), ulimit(limit.soft, limit.hard))).collect(),
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
    security(&mut made, selinux_opts, apparmor_profile, seccomp_profile_path, *no_new_privileges);
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
    made.logging = log_configuration.as_ref().map(|log| logging(log, lost));
    made.healthcheck = healthconfig.as_ref().map(|check| self::healthcheck(check, lost));
    mounts_of(mounts, create_bind_sources, &mut made, lost);
    made.volumes.extend(volumes.iter().map(|volume| self::volume(volume, lost)));
    made.volumes.extend(image_volumes.iter().map(image_volume));
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

/// The key of the service whose container has that name.
fn service_of(application: &Application, name: &str) -> Option<String> {
    let found = application.containers.iter().find(|one| one.spec.name == name || one.key == name)?;
    Some(found.key.clone())
}

/// A namespace as Compose names its mode.
pub(super) fn namespace_into(
    application: &Application,
    namespace: &Namespace,
    key: &mut String,
    field: &str,
    lost: &mut Of<'_>,
) {
    match (namespace.nsmode.as_str(), namespace.value.as_str()) {
        ("" | "pod", _) => {}
        ("container", name) => {
            *key = match service_of(application, name) {
                Some(service) => format!("service:{service}"),
                None => format!("container:{name}"),
            };
        }
        (mode, "") => mode.clone_into(key),
        _ => lost.lost(field, "Compose has no such mode"),
    }
}

/// Mode and networks, these by the engine's names yet.
pub(super) fn network(
    application: &Application,
    netns: &Namespace,
    networks: &BTreeMap<String, PerNetworkOptions>,
    options: &BTreeMap<String, Vec<String>>,
    key: &str,
    made: &mut Service,
    lost: &mut Of<'_>,
) {
    if netns.nsmode == "bridge" && networks.is_empty() {
        made.network_mode = "bridge".to_owned();
    } else if netns.nsmode != "bridge" {
        namespace_into(application, netns, &mut made.network_mode, "netns", lost);
        if let Some(words) = options.get(&netns.nsmode).filter(|words| !words.is_empty()) {
            made.network_mode = format!("{}:{}", netns.nsmode, words.join(","));
        }
    }
    for (name, own) in networks {
        let PerNetworkOptions { static_ips, aliases, static_mac, interface_name, options } = own;
        let mut network = ServiceNetwork {
            // Compose adds the service's name and the container's by itself.
            aliases: aliases
                .iter()
                .filter(|alias| *alias != key && service_of(application, alias).as_deref() != Some(key))
                .cloned()
                .collect(),
            driver_opts: options.clone(),
            interface_name: interface_name.clone(),
            mac_address: static_mac.clone(),
            ..ServiceNetwork::default()
        };
        for ip in static_ips {
            match ip.parse::<std::net::IpAddr>() {
                Ok(_) if cove_spec::network::link_local(ip).is_ok() => {
                    network.link_local_ips.push(ip.clone())
                }
                Ok(std::net::IpAddr::V6(_)) => network.ipv6_address.clone_from(ip),
                _ => network.ipv4_address.clone_from(ip),
            }
        }
        let own = (network != ServiceNetwork::default()).then_some(network);
        made.networks.insert(name.clone(), own);
    }
}

pub(super) fn ports(mappings: &[PortMapping], lost: &mut Of<'_>) -> Vec<Port> {
    let mut ports = Vec::new();
    for mapping in mappings {
        let Ok(expanded) = mapping.expand() else {
            lost.lost("portmappings", "a port is none");
            continue;
        };
        ports.extend(expanded.iter().map(|port| Port {
            mode: "ingress".to_owned(),
            host_ip: port.host_ip.map(|ip| ip.to_string()).unwrap_or_default(),
            target: port.container_port.into(),
            published: if port.host_port == 0 { String::new() } else { port.host_port.to_string() },
            protocol: port.protocol.to_string(),
            ..Port::default()
        }));
    }
    ports
}

fn exposed(ports: &BTreeMap<u16, String>) -> Vec<String> {
    let each = |(port, protocols): (&u16, &String)| {
        protocols.split(',').map(|protocol| format!("{port}/{protocol}")).collect::<Vec<_>>()
    };
    ports.iter().flat_map(each).collect()
}

/// `NAME:ADDRESS`, with several names before the address.
pub(super) fn hosts(lines: &[String]) -> Hosts {
    let mut hosts = Hosts::default();
    for line in lines {
        let Some((names, address)) = line.split_once(':') else { continue };
        for name in names.split(';') {
            hosts.0.entry(name.to_owned()).or_default().push(address.to_owned());
        }
    }
    hosts
}

fn device(path: &str) -> DeviceMapping {
    match cove_spec::device::parse(path) {
        Ok(parts) => DeviceMapping {
            source: parts.host,
            target: parts.container,
            permissions: parts.permissions,
            ..DeviceMapping::default()
        },
        // One that its vendor describes.
        Err(_) => DeviceMapping {
            source: path.to_owned(),
            target: path.to_owned(),
            permissions: "rwm".to_owned(),
            ..DeviceMapping::default()
        },
    }
}

fn gpu(name: &str) -> DeviceRequest {
    match name {
        "all" => DeviceRequest { count: -1, ..DeviceRequest::default() },
        name => DeviceRequest { device_ids: vec![name.to_owned()], ..DeviceRequest::default() },
    }
}

fn platform(os: &str, arch: &str, variant: &str) -> String {
    let os = if os.is_empty() && !arch.is_empty() { "linux" } else { os };
    [os, arch, variant].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

fn ulimit(soft: u64, hard: u64) -> Ulimit {
    let value = |limit: u64| i64::try_from(limit).unwrap_or(-1);
    if soft == hard {
        return Ulimit::Single(value(soft));
    }
    Ulimit::Both { soft: value(soft), hard: value(hard) }
}

fn security(made: &mut Service, labels: &[String], apparmor: &str, seccomp: &str, no_new: Option<bool>) {
    made.security_opt.extend(labels.iter().map(|label| format!("label={label}")));
    for (option, text) in [("apparmor", apparmor), ("seccomp", seccomp)] {
        if !text.is_empty() {
            made.security_opt.push(format!("{option}={text}"));
        }
    }
    made.security_opt.extend(no_new.map(|is_on| format!("no-new-privileges={is_on}")));
}

fn logging(log: &LogConfig, lost: &mut Of<'_>) -> Logging {
    let LogConfig { driver, path, size, options, labels } = log;
    lost.given("log_configuration.labels", labels, NO_KEY);
    let mut logging = Logging { driver: driver.clone(), options: options.clone(), ..Logging::default() };
    if logging.driver.is_empty() {
        // Options of no driver are not read.
        logging.driver = "k8s-file".to_owned();
    }
    if !path.is_empty() {
        logging.options.insert("path".to_owned(), path.clone());
    }
    if *size != 0 {
        let size = if *size < 0 { "-1".to_owned() } else { format!("{size}b") };
        logging.options.insert("max-size".to_owned(), size);
    }
    logging
}

fn healthcheck(check: &HealthConfig, lost: &mut Of<'_>) -> Healthcheck {
    let HealthConfig { test, interval, timeout, start_period, start_interval, retries } = check;
    if test.first().is_some_and(|first| first == "NONE") {
        return Healthcheck { disable: true, ..Healthcheck::default() };
    }
    if *interval < 0 || (*interval == 0 && !test.is_empty()) {
        lost.lost("healthconfig.Interval", "Compose has no checks that are only made when asked for");
    }
    let time = |time: i64| (time > 0).then_some(Duration(time));
    Healthcheck {
        test: test.clone(),
        interval: time(*interval).filter(|_| test.is_empty() || *interval != health::INTERVAL),
        timeout: time(*timeout),
        start_period: time(*start_period),
        start_interval: time(*start_interval),
        retries: u64::try_from(*retries).ok().filter(|retries| *retries > 0),
        ..Healthcheck::default()
    }
}

fn mounts_of(mounts: &[Mount], made_sources: &[String], made: &mut Service, lost: &mut Of<'_>) {
    for mount in mounts {
        let Mount { destination, kind, source, options } = mount;
        match kind.as_str() {
            "tmpfs" if options.is_empty() => made.tmpfs.push(destination.clone()),
            "tmpfs" => made.tmpfs.push(format!("{destination}:{}", options.join(","))),
            "bind" => {
                let mut bind =
                    BindOptions { create_host_path: made_sources.contains(source), ..BindOptions::default() };
                let mut read_only = false;
                for option in options {
                    match option.as_str() {
                        "ro" => read_only = true,
                        "z" | "Z" => bind.selinux.clone_from(option),
                        "bind" => "disabled".clone_into(&mut bind.recursive),
                        "shared" | "rshared" | "private" | "rprivate" | "slave" | "rslave" => {
                            bind.propagation.clone_from(option);
                        }
                        other => lost.lost(&format!("mounts.{destination}.{other}"), NO_KEY),
                    }
                }
                made.volumes.push(model::Mount {
                    r#type: "bind".to_owned(),
                    source: source.clone(),
                    target: destination.clone(),
                    read_only,
                    bind: Some(bind),
                    ..model::Mount::default()
                });
            }
            _ => lost.lost(&format!("mounts.{destination}"), "Compose has no mounts of its type"),
        }
    }
}

fn volume(volume: &NamedVolume, lost: &mut Of<'_>) -> model::Mount {
    let NamedVolume { name, dest, options, is_anonymous, sub_path } = volume;
    if *is_anonymous && !name.is_empty() {
        lost.lost(&format!("volumes.{dest}"), "it has a name, so that it is not removed with its container");
    }
    let mut own = VolumeOptions { subpath: sub_path.clone(), ..VolumeOptions::default() };
    let mut read_only = false;
    for option in options {
        match option.as_str() {
            "ro" => read_only = true,
            "nocopy" => own.nocopy = true,
            other => lost.lost(&format!("volumes.{dest}.{other}"), NO_KEY),
        }
    }
    model::Mount {
        r#type: "volume".to_owned(),
        source: name.clone(),
        target: dest.clone(),
        read_only,
        volume: Some(own),
        ..model::Mount::default()
    }
}

fn image_volume(volume: &ImageVolume) -> model::Mount {
    let ImageVolume { source, destination, read_write, sub_path } = volume;
    model::Mount {
        r#type: "image".to_owned(),
        source: source.clone(),
        target: destination.clone(),
        read_only: !read_write,
        image: Some(ImageOptions { subpath: sub_path.clone(), ..ImageOptions::default() }),
        ..model::Mount::default()
    }
}

fn resources(limits: &Resources, made: &mut Service, lost: &mut Of<'_>) {
    let Resources { memory, cpu, pids, devices, block_io, hugepage_limits, network, rdma, unified } = limits;
    lost.given("resource_limits.devices", devices, NO_KEY);
    lost.given("resource_limits.hugepageLimits", hugepage_limits, NO_KEY);
    lost.given("resource_limits.network", network, NO_KEY);
    lost.given("resource_limits.rdma", rdma, NO_KEY);
    lost.given("resource_limits.unified", unified, NO_KEY);
    if let Some(memory) = memory {
        let MemoryLimits {
            limit,
            reservation,
            swap,
            swappiness,
            disable_oom_killer,
            kernel,
            kernel_tcp,
            use_hierarchy,
            check_before_update,
        } = memory;
        made.mem_limit = Bytes(limit.unwrap_or(0));
        made.mem_reservation = Bytes(reservation.unwrap_or(0));
        if *swap != limit.and_then(|limit| limit.checked_mul(2)) {
            made.memswap_limit = Bytes(swap.unwrap_or(0));
        }
        match swappiness {
            Some(0) => lost.lost("resource_limits.memory.swappiness", "0 is as the system has it"),
            Some(number) => made.mem_swappiness = Bytes(i64::try_from(*number).unwrap_or(i64::MAX)),
            None => {}
        }
        made.oom_kill_disable = *disable_oom_killer == Some(true);
        lost.given("resource_limits.memory.kernel", kernel, NO_KEY);
        lost.given("resource_limits.memory.kernelTCP", kernel_tcp, NO_KEY);
        lost.given("resource_limits.memory.useHierarchy", use_hierarchy, NO_KEY);
        lost.given("resource_limits.memory.checkBeforeUpdate", check_before_update, NO_KEY);
    }
    if let Some(cpu) = cpu {
        let CpuLimits { shares, quota, period, cpus, mems, burst, realtime_runtime, realtime_period, idle } =
            cpu;
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        made.cpu_shares = shares.map_or(0, number);
        let whole = quota.zip(*period).and_then(|(quota, period)| exact(quota, period));
        match whole {
            Some(cpus) => made.cpus = cpus,
            None => {
                made.cpu_quota = quota.unwrap_or(0);
                made.cpu_period = period.map_or(0, number);
            }
        }
        made.cpuset.clone_from(cpus);
        made.cpu_rt_runtime = realtime_runtime.unwrap_or(0);
        made.cpu_rt_period = realtime_period.map_or(0, number);
        lost.given("resource_limits.cpu.mems", mems, NO_KEY);
        lost.given("resource_limits.cpu.burst", burst, NO_KEY);
        lost.given("resource_limits.cpu.idle", idle, NO_KEY);
    }
    made.pids_limit = pids.map_or(0, |pids| pids.limit);
    if let Some(block) = block_io {
        let BlockIo { weight, .. } = block;
        lost.given("resource_limits.blockIO", &BlockIo { weight: None, ..block.clone() }, NO_KEY);
        if let Some(weight) = weight {
            made.blkio_config.get_or_insert_default().weight = *weight;
        }
    }
}

/// A number of processors that is read as this quota again: Compose counts them less finely.
fn exact(quota: i64, period: u64) -> Option<f32> {
    let cpus: f32 = processors(quota, period)?.parse().ok()?;
    #[allow(clippy::cast_possible_truncation, reason = "a number of processors is small")]
    let again = (f64::from(cpus) * 1e9) as i64 / 10_000;
    (again == quota).then_some(cpus)
}

fn block_devices<'a>(
    made: &mut Service,
    weights: impl Iterator<Item = (&'a String, u16)>,
    [read_bps, read_iops, write_bps, write_iops]: [&ThrottleDevices; 4],
) {
    let rates = |devices: &ThrottleDevices| -> Vec<ThrottleDevice> {
        let one = |(path, device): (&String, &cove_api::ThrottleDevice)| ThrottleDevice {
            path: path.clone(),
            rate: Bytes(i64::try_from(device.rate).unwrap_or(i64::MAX)),
            ..ThrottleDevice::default()
        };
        devices.iter().map(one).collect()
    };
    let mut config = made.blkio_config.take().unwrap_or_default();
    config.weight_device = weights
        .map(|(path, weight)| WeightDevice { path: path.clone(), weight, ..WeightDevice::default() })
        .collect();
    config.device_read_bps = rates(read_bps);
    config.device_read_iops = rates(read_iops);
    config.device_write_bps = rates(write_bps);
    config.device_write_iops = rates(write_iops);
    made.blkio_config = (config != BlkioConfig::default()).then_some(config);
}
