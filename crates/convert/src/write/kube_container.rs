//! A container of a pod's document.

use std::collections::BTreeMap;

use cove_api::{ContainerSpec, Resources, signal};
use serde_json::{Map, Value, json};

use super::flags_value::{processors, ulimit};
use super::kube::{Facts, NO_FIELD};
use super::kube_pod::{self, Draft};
use super::kube_value::{self as value, Security};
use super::kube_volume::Mounts;
use crate::loss::Of;
use crate::model::Container;

const NOTES: &str = "io.podman.annotations";

/// The container. What it says of its pod is the draft's; `alone` where the pod has no other.
#[allow(clippy::too_many_lines, reason = "every field of the request has its line")]
pub(super) fn container(
    written: &Container,
    draft: &mut Draft,
    alone: bool,
    facts: &Facts<'_>,
    lost: &mut Of<'_>,
) -> Value {
    let ContainerSpec {
        name: _, // the pod's and the container's make it
        pod: _,  // it is written within
        entrypoint,
        command,
        env_host,
        httpproxy,
        env,
        unsetenv,
        unsetenvall,
        terminal,
        stdin,
        labels: _, // those of the pod
        annotations,
        stop_signal,
        stop_timeout,
        timeout,
        log_configuration,
        restart_policy: _, // the pod's
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
    } = &written.spec;
    for (field, given) in [
        ("env_host", env_host.is_some()),
        ("httpproxy", httpproxy.is_some()),
        ("unsetenv", !unsetenv.is_empty()),
        ("unsetenvall", unsetenvall.is_some()),
        ("timeout", *timeout != 0),
        ("restart_tries", restart_tries.is_some()),
        ("oci_runtime", !oci_runtime.is_empty()),
        ("cgroupns", !cgroupns.is_default() && cgroupns.nsmode != "private"),
        ("removeImage", remove_image.is_some()),
        ("timezone", !timezone.is_empty()),
        ("manage_password", passwd.is_some()),
        ("passwd_entry", !passwd_entry.is_empty()),
        ("group_entry", !group_entry.is_empty()),
        ("image_os", !image_os.is_empty()),
        ("image_arch", !image_arch.is_empty()),
        ("image_variant", !image_variant.is_empty()),
        ("rootfs", !rootfs.is_empty()),
        ("rootfs_overlay", rootfs_overlay.is_some()),
        ("rootfs_mapping", !rootfs_mapping.is_empty()),
        ("image_volume_mode", !image_volume_mode.is_empty()),
        ("init_path", !init_path.is_empty()),
        ("shm_size", shm_size.is_some()),
        ("shm_size_systemd", shm_size_systemd.is_some()),
        ("create_working_dir", *create_working_dir == Some(true)),
        ("apparmor_profile", !apparmor_profile.is_empty()),
        ("read_write_tmpfs", read_write_tmpfs.is_some()),
        ("umask", !umask.is_empty()),
        ("procfs_opts", !proc_opts.is_empty()),
        ("mask", !mask.is_empty()),
        ("cgroups_mode", !cgroups_mode.is_empty()),
        ("cgroup_parent", !cgroup_parent.is_empty()),
        ("publish_image_ports", publish_image_ports.is_some()),
        ("expose", !expose.is_empty()),
        ("use_image_resolve_conf", use_image_resolv_conf.is_some()),
        ("use_image_hostname", use_image_hostname.is_some()),
        ("base_hosts_file", !base_hosts_file.is_empty()),
        ("networkOrder", !network_order.is_empty()),
        ("oom_score_adj", oom_score_adj.is_some()),
        ("systemd", !systemd.is_empty()),
        ("healthLogDestination", !health_log_destination.is_empty()),
        ("healthMaxLogCount", health_max_log_count.is_some()),
        ("healthMaxLogSize", health_max_log_size.is_some()),
        ("conmon_pid_file", !conmon_pid_file.is_empty()),
        ("pid_file", !pid_file.is_empty()),
        ("preserve_fds", !preserve_fds.is_empty()),
        ("hostusers", !hostusers.is_empty()),
        ("dependencyContainers", !dependency_containers.is_empty()),
        ("personality", personality.is_some()),
        ("envmerge", !envmerge.is_empty()),
        ("device_cgroup_rule", !device_cgroup_rule.is_empty()),
        ("chroot_directories", !chroot_directories.is_empty()),
        ("seccomp_policy", !seccomp_policy.is_empty()),
        ("intelRdt", intel_rdt.is_some()),
        ("weightDevice", !weight_device.is_empty()),
        ("throttleReadBpsDevice", !throttle_read_bps_device.is_empty()),
        ("throttleWriteBpsDevice", !throttle_write_bps_device.is_empty()),
        ("throttleReadIOPSDevice", !throttle_read_iops_device.is_empty()),
        ("throttleWriteIOPSDevice", !throttle_write_iops_device.is_empty()),
        ("unified", !unified.is_empty()),
        ("overlay_volumes", !overlay_volumes.is_empty()),
        ("sdnotifyMode", !sdnotify_mode.is_empty()),
        ("idmappings", idmappings.is_some()),
        ("gpus", !gpus.is_empty()),
    ] {
        if given {
            lost.lost(field, NO_FIELD);
        }
    }
    lost.given("log_configuration", log_configuration, "kube play has --log-driver and --log-opt");
    lost.given("use_image_hosts", use_image_hosts, "kube play has --no-hosts");
    lost.given("network_options", network_options, "kube play has --network");
    lost.given("secrets", secrets, "secrets of Kubernetes are kept in another form");
    lost.given("secret_env", secret_env, "secrets of Kubernetes are kept in another form");
    lost.given("artifact_volumes", artifact_volumes, NO_FIELD);
    lost.given("devices_from", devices_from, NO_FIELD);
    lost.given("host_device_list", host_device_list, NO_FIELD);
    lost.given("storage_opts", storage_opts, NO_FIELD);
    lost.given("rootfs_propagation", rootfs_propagation, NO_FIELD);
    lost.given("volatile", volatile, NO_FIELD);
    lost.given("label_nested", label_nested, NO_FIELD);
    if !alone {
        in_pod(
            lost,
            [
                ("netns", !netns.is_default() && netns.nsmode != "pod"),
                ("Networks", !networks.is_empty()),
                ("portmappings", !portmappings.is_empty()),
                ("hostname", !hostname.is_empty()),
                ("dns_server", !dns_server.is_empty()),
                ("dns_search", !dns_search.is_empty()),
                ("dns_option", !dns_option.is_empty()),
                ("hostadd", !hostadd.is_empty()),
                ("sysctl", !sysctl.is_empty()),
                (
                    "pidns",
                    !pidns.is_default() && pidns.nsmode != "pod" && !draft.spec.contains_key("hostPID"),
                ),
                ("ipcns", !ipcns.is_default() && ipcns.nsmode != "pod"),
                ("utsns", !utsns.is_default() && utsns.nsmode != "pod"),
                ("userns", !userns.is_default() && userns.nsmode != "pod"),
            ],
        );
    }
    let name = if alone { draft.name.clone() } else { inner_name(written, draft) };
    let mut made = Map::new();
    let mut put = |key: &str, value: Value| drop(made.insert(key.to_owned(), value));
    put("name", name.clone().into());
    put("image", image.as_str().into());
    match written.pull.as_str() {
        "" => {}
        "always" => put("imagePullPolicy", "Always".into()),
        "missing" => put("imagePullPolicy", "IfNotPresent".into()),
        "never" => put("imagePullPolicy", "Never".into()),
        _ => lost.lost("pull", "Kubernetes has no such policy"),
    }
    let (program, arguments) = match entrypoint {
        Some(words) if words.is_empty() && command.is_empty() => {
            lost.lost("entrypoint", "Kubernetes cannot take the image's away");
            (&[][..], &[][..])
        }
        // Without the image's entry point the command is the program.
        Some(words) if words.is_empty() => (command.as_slice(), &[][..]),
        Some(words) => (words.as_slice(), command.as_slice()),
        None => (&[][..], command.as_slice()),
    };
    for (key, words) in [("command", program), ("args", arguments)] {
        if !words.is_empty() {
            put(key, words.iter().map(|word| literal(word)).collect());
        }
    }
    if !work_dir.is_empty() {
        put("workingDir", work_dir.as_str().into());
    }
    if !env.is_empty() {
        let each = env.iter().map(|(name, value)| json!({"name": name, "value": literal(value)}));
        put("env", each.collect());
    }
    for (key, is_on) in [("stdin", *stdin == Some(true)), ("tty", *terminal == Some(true))] {
        if is_on {
            put(key, true.into());
        }
    }
    if let Some(number) = stop_signal {
        put(
            "lifecycle",
            json!({"stopSignal": format!("SIG{}", signal::name(*number).trim_start_matches("SIG"))}),
        );
    }
    let limits = limits(resource_limits.as_ref(), devices, &name, draft, lost);
    if !limits.is_empty() {
        put("resources", Value::Object(limits));
    }
    let security = value::security(
        &Security {
            user,
            privileged: *privileged,
            read_only: *read_only_filesystem,
            no_new: *no_new_privileges,
            unmask,
            add: cap_add,
            drop: cap_drop,
            selinux: selinux_opts,
            seccomp: seccomp_profile_path,
        },
        lost,
    );
    if !security.is_empty() {
        put("securityContext", Value::Object(security));
    }
    let restarts =
        matches!(draft.spec.get("restartPolicy").and_then(Value::as_str), Some("Always" | "OnFailure"));
    let probes = value::probes(
        healthconfig.as_ref(),
        startup_health_config.as_ref(),
        *health_check_on_failure_action,
        restarts,
        lost,
    );
    for (key, probe) in probes {
        put(key, probe);
    }
    let mut mounted = Mounts { draft: &mut *draft, mounts: Vec::new(), facts };
    for mount in mounts {
        mounted.mount(mount, create_bind_sources, lost);
    }
    for volume in volumes {
        mounted.named(volume, lost);
    }
    for volume in image_volumes {
        mounted.image(volume, lost);
    }
    let mounts = mounted.mounts;
    if !mounts.is_empty() {
        put("volumeMounts", Value::Array(mounts));
    }
    for (key, value) in annotations {
        draft.note(key, value, &format!("annotations.{key}"), lost);
    }
    for (key, truth) in [("autoremove", *remove == Some(true)), ("init", *init == Some(true))] {
        if truth {
            draft.note(&format!("{NOTES}.{key}/{name}"), "true", key, lost);
        }
    }
    if !r_limits.is_empty() {
        let text = r_limits.iter().map(ulimit).collect::<Vec<_>>().join(",");
        draft.note(&format!("{NOTES}.ulimit"), &text, "r_limits", lost);
    }
    if !volumes_from.is_empty() {
        draft.note(&format!("{NOTES}.volumes-from/{name}"), &volumes_from.join(";"), "volumes_from", lost);
    }
    if !init_container_type.is_empty() {
        draft.note(&format!("{NOTES}.init.container.type"), init_container_type, "init_container_type", lost);
    }
    if let Some(seconds) = stop_timeout {
        match draft.spec.get("terminationGracePeriodSeconds").and_then(Value::as_u64) {
            Some(known) if known != u64::from(*seconds) => {
                lost.lost("stop_timeout", &format!("all containers of a pod have one, which is {known}"));
            }
            _ => drop(draft.spec.insert("terminationGracePeriodSeconds".to_owned(), (*seconds).into())),
        }
    }
    supplemental(groups, draft, lost);
    Value::Object(made)
}

/// What a container in a pod does not say for itself.
fn in_pod<const N: usize>(lost: &mut Of<'_>, fields: [(&str, bool); N]) {
    for (field, given) in fields {
        if given {
            lost.lost(field, "it is the pod's");
        }
    }
}

/// The name in the pod: without the pod's own, which a play puts before it.
pub(super) fn inner_name(written: &Container, draft: &Draft) -> String {
    let name = if written.spec.name.is_empty() { written.key.as_str() } else { written.spec.name.as_str() };
    let own = name.strip_prefix(draft.name.as_str()).and_then(|rest| rest.strip_prefix('-'));
    kube_pod::name(own.unwrap_or(name))
}

/// Text in which `$(NAME)` stands for nothing.
fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

fn supplemental(groups: &[String], draft: &mut Draft, lost: &mut Of<'_>) {
    let mut numbers = Vec::new();
    for group in groups {
        match group.parse::<u32>() {
            Ok(number) => numbers.push(number),
            Err(_) => lost.lost(&format!("groups.{group}"), "groups are numbers in Kubernetes"),
        }
    }
    if numbers.is_empty() {
        return;
    }
    let context = draft.spec.entry("securityContext").or_insert_with(|| json!({}));
    match context.get("supplementalGroups") {
        Some(known) if *known != json!(numbers) => lost.lost("groups", "the pod has others"),
        _ => context["supplementalGroups"] = json!(numbers),
    }
}

fn limits(
    limits: Option<&Resources>,
    devices: &[cove_api::Device],
    name: &str,
    draft: &mut Draft,
    lost: &mut Of<'_>,
) -> Map<String, Value> {
    let mut most: BTreeMap<String, String> = BTreeMap::new();
    let mut least: BTreeMap<String, String> = BTreeMap::new();
    for device in devices {
        let path = &device.path;
        let key = if cove_api::CdiName::is(path) { path.clone() } else { format!("podman.io/device={path}") };
        most.insert(key, "1".to_owned());
        let plain = cove_api::Device { path: path.clone(), ..cove_api::Device::default() };
        if *device != plain {
            lost.lost(&format!("devices.{path}"), "only its path is kept");
        }
    }
    if let Some(limits) = limits {
        let Resources { memory, cpu, pids, devices, block_io, hugepage_limits, network, rdma, unified } =
            limits;
        lost.given("resource_limits.devices", devices, NO_FIELD);
        lost.given("resource_limits.hugepageLimits", hugepage_limits, NO_FIELD);
        lost.given("resource_limits.network", network, NO_FIELD);
        lost.given("resource_limits.rdma", rdma, NO_FIELD);
        lost.given("resource_limits.unified", unified, NO_FIELD);
        lost.given("resource_limits.blockIO", block_io, NO_FIELD);
        if let Some(memory) = memory {
            most.extend(memory.limit.map(|limit| ("memory".to_owned(), limit.to_string())));
            least.extend(memory.reservation.map(|limit| ("memory".to_owned(), limit.to_string())));
            // As much swap as memory is what the limit alone means.
            let usual = memory.limit.and_then(|limit| limit.checked_mul(2));
            let rest = cove_api::MemoryLimits {
                limit: None,
                reservation: None,
                swap: memory.swap.filter(|_| memory.swap != usual),
                ..memory.clone()
            };
            lost.given("resource_limits.memory", &rest, "only limit and reservation are kept");
        }
        if let Some(cpu) = cpu {
            let whole = cpu.quota.zip(cpu.period).and_then(|(quota, period)| processors(quota, period));
            most.extend(whole.clone().map(|cores| ("cpu".to_owned(), cores)));
            for (key, text) in [("cpuset", &cpu.cpus), ("memory-nodes", &cpu.mems)] {
                if !text.is_empty() {
                    draft.note(&format!("{NOTES}.{key}/{name}"), text, key, lost);
                }
            }
            let rest = cove_api::CpuLimits {
                quota: cpu.quota.filter(|_| whole.is_none()),
                period: cpu.period.filter(|_| whole.is_none()),
                cpus: String::new(),
                mems: String::new(),
                ..cpu.clone()
            };
            lost.given("resource_limits.cpu", &rest, "only a number of processors and sets of them are kept");
        }
        if let Some(pids) = pids {
            draft.note(&format!("{NOTES}.pids-limit/{name}"), &pids.limit.to_string(), "pids", lost);
        }
    }
    let mut made = Map::new();
    for (key, amounts) in [("limits", most), ("requests", least)] {
        if !amounts.is_empty() {
            made.insert(key.to_owned(), json!(amounts));
        }
    }
    made
}
