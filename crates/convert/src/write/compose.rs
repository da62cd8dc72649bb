//! Compose files.

use std::collections::BTreeMap;

use cove_api::{LeaseRange, PodSpec, Subnet, VolumeCreateOptions};
use cove_compose::model::{self, IpPool, Ipam, Project, Service};
use cove_compose::render;

use super::compose_service;
use super::compose_value as service;
use crate::loss::{Losses, Of};
use crate::model::{Application, Container, Network, Volume};

/// What Compose has no key for.
pub(super) const NO_KEY: &str = "Compose has no key for it";

/// A Compose file, whole: all attributes in their long form.
pub fn compose(application: &Application, losses: &mut Losses) -> String {
    render::to_yaml(&project(application, losses))
}

/// The project.
pub(crate) fn project(application: &Application, losses: &mut Losses) -> Project {
    let Application { name, containers, pods, networks, volumes } = application;
    let mut project = Project { name: project_name(name, containers), ..Project::default() };
    for network in networks {
        let lost = &mut losses.of(format!("network {}", network.key));
        project.networks.insert(network.key.clone(), self::network(network, lost));
    }
    for volume in volumes {
        let lost = &mut losses.of(format!("volume {}", volume.key));
        project.volumes.insert(volume.key.clone(), self::volume(volume, lost));
    }
    for container in containers {
        let lost = &mut losses.of(container.object());
        let mut made = compose_service::service(application, &project.name, container, lost);
        declare(&mut project, container, &mut made);
        project.services.insert(container.key.clone(), made);
    }
    for pod in pods {
        self::pod(application, &mut project, pod, &mut losses.of(format!("pod {}", pod.name)));
    }
    project
}

/// A name that Compose takes: that of the application, else that of its first container.
fn project_name(name: &str, containers: &[Container]) -> String {
    let name = match (name, containers.first()) {
        ("", Some(first)) => first.key.as_str(),
        (name, _) => name,
    };
    let mut text: String =
        name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    while text.starts_with('-') {
        text.remove(0);
    }
    if text.is_empty() { "application".to_owned() } else { text }
}

/// What the engine makes by itself for a container has to be said in a project: volumes are made, networks are there.
fn declare(project: &mut Project, container: &Container, made: &mut Service) {
    for name in container.spec.volumes.iter().map(|volume| &volume.name).filter(|name| !name.is_empty()) {
        if !project.volumes.values().any(|known| known.name == *name) {
            let volume = model::Volume { name: name.clone(), ..model::Volume::default() };
            project.volumes.insert(name.clone(), volume);
        }
    }
    for mount in made.volumes.iter_mut().filter(|mount| mount.r#type == "volume") {
        let known = project.volumes.iter().find(|(_, volume)| volume.name == mount.source);
        if let Some((key, _)) = known {
            mount.source.clone_from(key);
        }
    }
    let networks = std::mem::take(&mut made.networks);
    made.networks = networks.into_iter().map(|(name, own)| (network_key(project, &name), own)).collect();
}

/// The key of a network, which is declared as one that is there where it is not the project's.
fn network_key(project: &mut Project, name: &str) -> String {
    if let Some((key, _)) = project.networks.iter().find(|(_, network)| network.name == name) {
        return key.clone();
    }
    let network = model::Network { name: name.to_owned(), external: true, ..model::Network::default() };
    project.networks.insert(name.to_owned(), network);
    name.to_owned()
}

fn network(written: &Network, lost: &mut Of<'_>) -> model::Network {
    let cove_api::Network {
        name,
        id: _, // the engine's
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
    } = &written.network;
    if written.is_external {
        return model::Network { name: name.clone(), external: true, ..model::Network::default() };
    }
    lost.given("network_interface", network_interface, NO_KEY);
    lost.given("routes", routes, NO_KEY);
    lost.given("dns_enabled", &!dns_enabled, "networks of Compose have names");
    lost.given("network_dns_servers", network_dns_servers, NO_KEY);
    lost.given("ipam_options", ipam_options, NO_KEY);
    model::Network {
        name: name.clone(),
        driver: if driver == "bridge" { String::new() } else { driver.clone() },
        driver_opts: options.clone(),
        ipam: Ipam { config: subnets.iter().map(|subnet| pool(subnet, lost)).collect(), ..Ipam::default() },
        internal: *internal,
        labels: labels.clone(),
        enable_ipv6: ipv6_enabled.then_some(true),
        ..model::Network::default()
    }
}

fn pool(subnet: &Subnet, lost: &mut Of<'_>) -> IpPool {
    let Subnet { subnet, gateway, lease_range } = subnet;
    let ip_range = match lease_range {
        None => String::new(),
        Some(range) => range_text(range).unwrap_or_else(|| {
            lost.lost(&format!("subnets.{subnet}.lease_range"), "Compose only has ranges that are subnets");
            String::new()
        }),
    };
    IpPool { subnet: subnet.clone(), gateway: gateway.clone(), ip_range, ..IpPool::default() }
}

/// `ADDRESS/BITS`, where a range is one.
fn range_text(range: &LeaseRange) -> Option<String> {
    let LeaseRange { start_ip, end_ip } = range;
    let number = |text: &str| text.parse::<std::net::Ipv4Addr>().ok().map(u32::from);
    let (first, last) = (number(start_ip)?, number(end_ip)?);
    let size = last.checked_sub(first)?;
    let is_subnet = size & size.wrapping_add(1) == 0 && first & size == 0;
    is_subnet.then(|| format!("{start_ip}/{}", 32 - size.count_ones()))
}

fn volume(written: &Volume, lost: &mut Of<'_>) -> model::Volume {
    let VolumeCreateOptions { name, driver, labels, options, uid, gid, ignore_if_exists: _ } =
        &written.options;
    if written.is_external {
        return model::Volume { name: name.clone(), external: true, ..model::Volume::default() };
    }
    lost.given("UID", uid, NO_KEY);
    lost.given("GID", gid, NO_KEY);
    model::Volume {
        name: name.clone(),
        driver: driver.clone(),
        driver_opts: options.clone(),
        labels: labels.clone(),
        ..model::Volume::default()
    }
}

/// A pod's containers share the network of the first of them, which has what the pod has.
#[allow(clippy::too_many_lines, reason = "every field of the request has its line")]
fn pod(application: &Application, project: &mut Project, pod: &PodSpec, lost: &mut Of<'_>) {
    let PodSpec {
        name,
        hostname,
        exit_policy,
        labels,
        no_infra,
        infra_conmon_pid_file,
        infra_command,
        infra_image,
        infra_name: _, // there is none
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
    } = pod;
    // `stop`: with the last container; Compose has nothing that would go on.
    lost.given("exit_policy", &(exit_policy == "continue"), NO_KEY);
    lost.given("labels", labels, "Compose has no pods: give them to the services");
    lost.given("no_infra", no_infra, NO_KEY);
    lost.given("infra_conmon_pid_file", infra_conmon_pid_file, NO_KEY);
    lost.given("infra_command", infra_command, NO_KEY);
    lost.given("infra_image", infra_image, NO_KEY);
    lost.given("share_parent", share_parent, NO_KEY);
    lost.given("restart_tries", restart_tries, NO_KEY);
    lost.given("pod_devices", pod_devices, NO_KEY);
    lost.given("gpus", gpus, NO_KEY);
    lost.given("hosts_file", hosts_file, NO_KEY);
    lost.given("no_manage_resolv_conf", no_manage_resolv_conf, NO_KEY);
    lost.given("no_manage_hostname", no_manage_hostname, NO_KEY);
    lost.given("no_manage_hosts", no_manage_hosts, NO_KEY);
    lost.given("cgroup_parent", cgroup_parent, NO_KEY);
    lost.given("resource_limits", resource_limits, NO_KEY);
    lost.given("weightDevice", weight_device, NO_KEY);
    for rates in [
        throttle_read_bps_device,
        throttle_write_bps_device,
        throttle_read_iops_device,
        throttle_write_iops_device,
    ] {
        lost.given("throttle", rates, NO_KEY);
    }
    lost.given("mounts", mounts, NO_KEY);
    lost.given("volumes", volumes, NO_KEY);
    lost.given("overlay_volumes", overlay_volumes, NO_KEY);
    lost.given("image_volumes", image_volumes, NO_KEY);
    lost.given("volumes_from", volumes_from, NO_KEY);
    lost.given("shm_size", shm_size, NO_KEY);
    lost.given("shm_size_systemd", shm_size_systemd, NO_KEY);
    lost.given("security_opt", security_opt, NO_KEY);
    lost.given("idmappings", idmappings, NO_KEY);
    lost.given("serviceContainerID", service_container_id, NO_KEY);
    let keys: Vec<String> = application.members(name).map(|member| member.key.clone()).collect();
    let Some((first, others)) = keys.split_first() else {
        lost.lost("containers", "a pod without any is nothing that Compose knows");
        return;
    };
    lost.lost("pod", &format!("Compose has none: its containers share the network of service {first}"));
    let shares = |name: &str| shared_namespaces.is_empty() || shared_namespaces.iter().any(|own| own == name);
    let mut made = Service::default();
    service::network(application, netns, networks, network_options, first, &mut made, lost);
    let networks = std::mem::take(&mut made.networks);
    made.networks = networks.into_iter().map(|(name, own)| (network_key(project, &name), own)).collect();
    for other in others {
        let Some(service) = project.services.get_mut(other) else { continue };
        if shares("net") {
            service.networks.clear();
            service.network_mode = format!("service:{first}");
        }
        if shares("ipc") && service.ipc.is_empty() {
            service.ipc = format!("service:{first}");
        }
        if shared_namespaces.iter().any(|own| own == "pid") && service.pid.is_empty() {
            service.pid = format!("service:{first}");
        }
        if !restart_policy.is_empty() && service.restart.is_empty() {
            service.restart.clone_from(restart_policy);
        }
    }
    let Some(service) = project.services.get_mut(first) else { return };
    if shares("net") {
        service.networks = made.networks;
        service.network_mode = made.network_mode;
        service.ports = service::ports(portmappings, lost);
    }
    if shares("ipc") && !others.is_empty() && service.ipc.is_empty() {
        service.ipc = "shareable".to_owned();
    }
    let texts = [(&mut service.hostname, hostname), (&mut service.restart, restart_policy)];
    for (own, pods) in texts {
        if own.is_empty() {
            own.clone_from(pods);
        }
    }
    for (own, pods) in [(&mut service.pid, pidns), (&mut service.uts, utsns), (&mut service.ipc, ipcns)] {
        service::namespace_into(application, pods, own, "pod's namespace", lost);
    }
    service::namespace_into(application, userns, &mut service.userns_mode, "userns", lost);
    service.sysctls.extend(sysctl.clone());
    service.dns.extend(dns_server.iter().cloned());
    service.dns_search.extend(dns_search.iter().cloned());
    service.dns_opt.extend(dns_option.iter().cloned());
    let hosts: BTreeMap<String, Vec<String>> = service::hosts(hostadd).0;
    service.extra_hosts.0.extend(hosts);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_are_subnets() {
        let text =
            |start: &str, end: &str| range_text(&LeaseRange { start_ip: start.into(), end_ip: end.into() });
        assert_eq!(text("10.0.0.128", "10.0.0.255").as_deref(), Some("10.0.0.128/25"));
        assert_eq!(text("10.0.0.5", "10.0.0.5").as_deref(), Some("10.0.0.5/32"));
        for (start, end) in [("10.0.0.1", "10.0.0.254"), ("10.0.0.9", "10.0.0.1"), ("fd00::", "fd00::f")] {
            assert_eq!(text(start, end), None);
        }
    }
}
