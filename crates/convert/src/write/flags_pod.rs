//! Requests of pods, networks and volumes as options of the commands that make them.

use cove_api::{LeaseRange, Network, PodSpec, Subnet, VolumeCreateOptions};

use super::flag::Flags;
use super::flags::mappings;
use super::flags_mount;
use super::flags_value::{self as value, NO_OPTION};
use crate::loss::Of;

/// The options of `pod create`, without the name.
#[allow(clippy::too_many_lines, reason = "every field of the request has its line")]
pub(super) fn pod(spec: &PodSpec, lost: &mut Of<'_>) -> Flags {
    let PodSpec {
        name: _, // an argument
        hostname,
        exit_policy,
        labels,
        no_infra,
        infra_conmon_pid_file,
        infra_command,
        infra_image,
        infra_name,
        ipcns,
        shared_namespaces,
        restart_policy,
        restart_tries,
        share_parent,
        pod_create_command: _, // of the command that made it
        pidns,
        userns,
        utsns,
        pod_devices,
        gpus,
        sysctl,
        netns,
        portmappings,
        networks,
        no_manage_resolv_conf,
        dns_server,
        dns_search,
        dns_option,
        no_manage_hostname,
        no_manage_hosts,
        hostadd,
        hosts_file,
        network_options,
        cgroup_parent,
        resource_limits,
        weight_device,
        throttle_read_bps_device,
        throttle_write_bps_device,
        throttle_read_iops_device,
        throttle_write_iops_device,
        mounts,
        volumes,
        overlay_volumes,
        image_volumes,
        volumes_from,
        shm_size,
        shm_size_systemd,
        security_opt,
        idmappings,
        service_container_id,
    } = spec;
    let mut flags = Flags::default();
    flags.text("--hostname", hostname);
    flags.text("--exit-policy", exit_policy);
    flags.pairs("--label", labels);
    if *no_infra {
        flags.truth("--infra", Some(false));
    }
    flags.text("--infra-conmon-pidfile", infra_conmon_pid_file);
    if !infra_command.is_empty() {
        flags.add("--infra-command", value::program(infra_command));
    }
    flags.text("--infra-image", infra_image);
    flags.text("--infra-name", infra_name);
    lost.given("ipcns", ipcns, NO_OPTION);
    if !shared_namespaces.is_empty() {
        flags.add("--share", shared_namespaces.join(","));
    }
    if !restart_policy.is_empty() {
        match restart_tries {
            Some(tries) => flags.add("--restart", format!("{restart_policy}:{tries}")),
            None => flags.add("--restart", restart_policy),
        }
    }
    flags.truth("--share-parent", *share_parent);
    flags.option("--pid", value::mode(pidns));
    flags.option("--uts", value::mode(utsns));
    if idmappings.is_none() || userns.nsmode != "private" {
        flags.option("--userns", value::mode(userns));
    }
    if let Some(maps) = idmappings {
        mappings(maps, &mut flags, lost);
    }
    flags.every("--device", pod_devices);
    flags.every("--gpus", gpus);
    flags.pairs("--sysctl", sysctl);
    value::networks(netns, networks, network_options, &mut flags, lost);
    flags.every("--publish", portmappings.iter().map(value::port));
    if *no_manage_resolv_conf {
        flags.add("--dns", "none");
    }
    flags.every("--dns", dns_server);
    flags.every("--dns-search", dns_search);
    flags.every("--dns-option", dns_option);
    flags.switch("--no-hostname", *no_manage_hostname);
    flags.switch("--no-hosts", *no_manage_hosts);
    flags.every("--add-host", hostadd);
    flags.text("--hosts-file", hosts_file);
    flags.text("--cgroup-parent", cgroup_parent);
    if let Some(limits) = resource_limits {
        value::resources(limits, &mut flags, lost);
    }
    let weights = weight_device.iter();
    let weights = weights.filter_map(|(device, own)| Some(format!("{device}:{}", own.weight?)));
    flags.every("--blkio-weight-device", weights);
    for (option, rates) in [
        ("--device-read-bps", throttle_read_bps_device),
        ("--device-write-bps", throttle_write_bps_device),
        ("--device-read-iops", throttle_read_iops_device),
        ("--device-write-iops", throttle_write_iops_device),
    ] {
        flags.every(option, rates.iter().map(|(device, rate)| format!("{device}:{}", rate.rate)));
    }
    // A pod's command has no --mount: what only that can say is lost by its name.
    let mut mounted = Flags::default();
    flags_mount::mounts(mounts, &mut mounted, lost);
    flags_mount::volumes(volumes, &mut mounted, lost);
    flags_mount::overlays(overlay_volumes, &mut mounted, lost);
    flags_mount::images(image_volumes, &mut mounted);
    for flag in mounted.0 {
        if flag.name == "--volume" {
            flags.0.push(flag);
        } else {
            lost.lost(
                "mounts",
                &format!("pod create has no {} {}", flag.name, flag.value.unwrap_or_default()),
            );
        }
    }
    flags.every("--volumes-from", volumes_from);
    flags.option("--shm-size", shm_size.map(value::bytes));
    flags.option("--shm-size-systemd", shm_size_systemd.map(value::bytes));
    flags.every("--security-opt", security_opt);
    lost.given("serviceContainerID", service_container_id, NO_OPTION);
    flags
}

/// The options of `network create`, without the name.
pub(super) fn network(network: &Network, lost: &mut Of<'_>) -> Flags {
    let Network {
        name: _, // an argument
        id: _,   // the engine's
        driver,
        network_interface,
        created: _, // the engine's
        subnets,
        routes,
        ipv6_enabled,
        internal,
        dns_enabled,
        network_dns_servers,
        labels,
        options,
        ipam_options,
    } = network;
    let mut flags = Flags::default();
    if driver != "bridge" {
        flags.text("--driver", driver);
    }
    flags.text("--interface-name", network_interface);
    self::subnets(subnets, &mut flags, lost);
    for route in routes {
        let part = |name: &str| match &route[name] {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        };
        let parts = [part("destination"), part("gateway"), part("metric")];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        flags.add("--route", parts.join(","));
    }
    flags.switch("--ipv6", *ipv6_enabled);
    flags.switch("--internal", *internal);
    flags.switch("--disable-dns", !*dns_enabled);
    flags.every("--dns", network_dns_servers);
    flags.pairs("--label", labels);
    flags.pairs("--opt", options);
    for (key, option) in ipam_options {
        match key.as_str() {
            "driver" => flags.add("--ipam-driver", option),
            _ => lost.lost(&format!("ipam_options.{key}"), NO_OPTION),
        }
    }
    flags
}

/// Gateways and ranges belong to the subnet at the same place, so that those without one come last.
fn subnets(subnets: &[Subnet], flags: &mut Flags, lost: &mut Of<'_>) {
    let mut ordered: Vec<&Subnet> = subnets.iter().collect();
    ordered.sort_by_key(|subnet| (subnet.gateway.is_empty(), subnet.lease_range.is_none()));
    let mut ranges_end = false;
    for subnet in ordered {
        let Subnet { subnet: range, gateway, lease_range } = subnet;
        flags.add("--subnet", range);
        flags.text("--gateway", gateway);
        match lease_range {
            None => ranges_end = true,
            Some(_) if ranges_end => {
                lost.lost(&format!("subnets.{range}.lease_range"), "a subnet before it has none");
            }
            Some(LeaseRange { start_ip, end_ip }) => flags.add("--ip-range", format!("{start_ip}-{end_ip}")),
        }
    }
}

/// The options of `volume create`, without the name.
pub(super) fn volume(options: &VolumeCreateOptions) -> Flags {
    let VolumeCreateOptions {
        name: _, // an argument
        driver,
        labels,
        options,
        uid,
        gid,
        ignore_if_exists: _, // always
    } = options;
    let mut flags = Flags::default();
    flags.text("--driver", driver);
    flags.pairs("--label", labels);
    flags.pairs("--opt", options);
    flags.option("--uid", *uid);
    flags.option("--gid", *gid);
    flags
}
