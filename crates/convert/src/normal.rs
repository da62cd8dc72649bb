//! Requests in one form: what says only what would be so anyway is taken away, so that two that mean the same are equal.

use cove_api::{ContainerSpec, MemoryLimits, Namespace, PodSpec, PortMapping, Resources};

/// The key of the default network among a request's networks.
pub(crate) const DEFAULT_NETWORK: &str = "default";
/// Where the file for a container's id is noted; it belongs to the command, not to the container.
const CID_FILE: &str = "io.podman.annotations.cid-file";

/// The request of a container.
pub(crate) fn container(spec: &mut ContainerSpec) {
    // What the image was called is its name, where it was looked up already.
    let written = std::mem::take(&mut spec.raw_image_name);
    if !written.is_empty() {
        spec.image = written;
    }
    spec.create_command.clear();
    spec.annotations.remove(CID_FILE);
    for flag in [
        &mut spec.terminal,
        &mut spec.stdin,
        &mut spec.remove,
        &mut spec.remove_image,
        &mut spec.privileged,
        &mut spec.read_only_filesystem,
        &mut spec.init,
        &mut spec.env_host,
        &mut spec.unsetenvall,
        &mut spec.publish_image_ports,
        &mut spec.use_image_hosts,
        &mut spec.use_image_hostname,
        &mut spec.use_image_resolv_conf,
        &mut spec.rootfs_overlay,
    ] {
        *flag = flag.filter(|is_on| *is_on);
    }
    spec.read_write_tmpfs = spec.read_write_tmpfs.filter(|is_on| !is_on);
    if spec.image_volume_mode == "anonymous" {
        spec.image_volume_mode.clear();
    }
    if spec.restart_policy == "no" {
        spec.restart_policy.clear();
    }
    spec.restart_tries = spec.restart_tries.filter(|tries| *tries > 0);
    for namespace in [&mut spec.pidns, &mut spec.utsns, &mut spec.ipcns, &mut spec.userns, &mut spec.cgroupns]
    {
        usual(namespace);
    }
    usual(&mut spec.netns);
    default_network(&spec.netns, &mut spec.networks);
    for volume in &mut spec.volumes {
        volume.is_anonymous |= volume.name.is_empty();
        options(&mut volume.options);
    }
    for mount in &mut spec.mounts {
        options(&mut mount.options);
        // Binds are recursive.
        mount.options.retain(|option| mount.kind != "bind" || option != "rbind");
    }
    spec.mounts.sort_by(|one, other| one.destination.cmp(&other.destination));
    spec.volumes.sort_by(|one, other| one.dest.cmp(&other.dest));
    spec.create_bind_sources.sort();
    spec.create_bind_sources.dedup();
    spec.portmappings = ports(&spec.portmappings);
    expose(spec);
    spec.cap_add = capabilities(&spec.cap_add);
    spec.cap_drop = capabilities(&spec.cap_drop);
    for device in &mut spec.devices {
        if let Ok(parts) = cove_spec::device::parse(&device.path) {
            device.path = self::device(&parts);
        }
    }
    for limit in &mut spec.r_limits {
        let kind = limit.kind.to_ascii_lowercase();
        limit.kind = kind.strip_prefix("rlimit_").unwrap_or(&kind).to_owned();
    }
    spec.r_limits.sort_by(|one, other| one.kind.cmp(&other.kind));
    spec.resource_limits = limits(spec.resource_limits.take());
    spec.log_configuration = spec.log_configuration.take().filter(|log| *log != Default::default());
}

/// The request of a pod.
pub(crate) fn pod(spec: &mut PodSpec) {
    spec.pod_create_command.clear();
    for namespace in [&mut spec.pidns, &mut spec.utsns, &mut spec.ipcns, &mut spec.userns] {
        usual(namespace);
    }
    usual(&mut spec.netns);
    default_network(&spec.netns, &mut spec.networks);
    if spec.restart_policy == "no" {
        spec.restart_policy.clear();
    }
    if spec.shared_namespaces == cove_api::DEFAULT_SHARED_NAMESPACES {
        spec.shared_namespaces.clear();
    }
    spec.portmappings = ports(&spec.portmappings);
    spec.resource_limits = limits(spec.resource_limits.take());
    for volume in &mut spec.volumes {
        volume.is_anonymous |= volume.name.is_empty();
        options(&mut volume.options);
    }
}

/// The labels by which Compose finds what it made; they are none of what is converted.
const OF_COMPOSE: &str = "com.docker.compose.";

/// Takes away the labels by which Compose finds what it made.
pub(crate) fn without_project(labels: &mut cove_api::StringMap) {
    labels.retain(|key, _| !key.starts_with(OF_COMPOSE));
}

/// The request of a network: what the engine gives it is none of its own.
pub(crate) fn network(network: &mut cove_api::Network) {
    let fresh = cove_api::Network::default();
    network.id = fresh.id;
    network.created = fresh.created;
    let number = network.network_interface.strip_prefix("podman");
    if number.is_some_and(|number| number.parse::<u32>().is_ok()) {
        network.network_interface.clear();
    }
    if network.ipam_options.get("driver").is_some_and(|driver| driver == "host-local") {
        network.ipam_options.remove("driver");
    }
    if network.driver.is_empty() {
        network.driver = fresh.driver;
    }
}

/// A short name after an image: the last part of its name.
pub(crate) fn stem_of_image(image: &str) -> String {
    let name = image.rsplit('/').next().unwrap_or_default();
    let name = name.split(['@', ':']).next().unwrap_or_default();
    // It becomes a part of files' names.
    let known = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().filter(known).collect();
    let name = name.trim_start_matches(['-', '.']);
    if name.is_empty() { "container".to_owned() } else { name.to_owned() }
}

fn usual(namespace: &mut Namespace) {
    if namespace.is_default() {
        *namespace = Namespace::default();
    }
}

/// `bridge` alone is the default network without any wishes.
fn default_network(
    namespace: &Namespace,
    networks: &mut std::collections::BTreeMap<String, cove_api::PerNetworkOptions>,
) {
    let plain = networks.get(DEFAULT_NETWORK).is_some_and(|own| *own == Default::default());
    if namespace.nsmode == "bridge" && plain && networks.len() == 1 {
        networks.clear();
    }
}

/// Options of mounts, without those that are so anyway.
fn options(options: &mut Vec<String>) {
    options.retain(|option| !matches!(option.as_str(), "rw" | "copy"));
}

fn ports(mappings: &[PortMapping]) -> Vec<PortMapping> {
    let mut ports: Vec<PortMapping> = Vec::new();
    for mapping in mappings {
        for protocol in mapping.protocol.split(',') {
            let protocol = if protocol.is_empty() { "tcp" } else { protocol };
            let port = PortMapping {
                protocol: protocol.to_owned(),
                range: mapping.range.max(1),
                // Every address.
                host_ip: if mapping.host_ip == "0.0.0.0" { String::new() } else { mapping.host_ip.clone() },
                ..mapping.clone()
            };
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
    }
    ports.sort();
    ports
}

/// Published ports are exposed anyway.
fn expose(spec: &mut ContainerSpec) {
    let published = &spec.portmappings;
    for (port, protocols) in &mut spec.expose {
        let is_published = |protocol: &str| {
            published.iter().any(|mapping| {
                let first = u32::from(mapping.container_port);
                mapping.protocol == protocol
                    && (first..first + u32::from(mapping.range)).contains(&u32::from(*port))
            })
        };
        let left: Vec<&str> = protocols.split(',').filter(|protocol| !is_published(protocol)).collect();
        *protocols = left.join(",");
    }
    spec.expose.retain(|_, protocols| !protocols.is_empty());
}

/// A device without what is so anyway.
fn device(parts: &cove_spec::device::DevicePath) -> String {
    let mut text = parts.host.clone();
    for (part, usual) in [(&parts.container, parts.host.as_str()), (&parts.permissions, "rwm")] {
        if part != usual {
            text += &format!(":{part}");
        }
    }
    text
}

/// Capabilities by their whole names.
fn capabilities(names: &[String]) -> Vec<String> {
    let known = cove_spec::security::capabilities(names.iter().map(String::as_str));
    let mut all = known.unwrap_or_else(|_| names.to_vec());
    all.sort();
    all
}

fn limits(limits: Option<Resources>) -> Option<Resources> {
    let mut limits = limits?;
    if let Some(memory) = &mut limits.memory {
        // As much swap as memory is what the limit alone means.
        if let (Some(limit), None) = (memory.limit, memory.swap) {
            memory.swap = limit.checked_mul(2);
        }
        memory.disable_oom_killer = memory.disable_oom_killer.filter(|is_on| *is_on);
    }
    limits.memory = limits.memory.filter(|memory| *memory != MemoryLimits::default());
    limits.cpu = limits.cpu.filter(|cpu| *cpu != Default::default());
    Some(limits).filter(|limits| *limits != Resources::default())
}
