//! Pods: of pods, and of containers that are in none.

use cove_api::{InspectHostPort, KubeGenerateOptions, StringMap};

use super::container::{self, DnsOf};
use super::facts::{GenerateFacts, GeneratedContainer, GeneratedPod};
use crate::error::{Result, bail};
use crate::objects::{DnsConfig, HostAlias, Metadata, Pod, PodSpec, Port};

/// The annotation that names the user namespace.
const USERNS: &str = "io.podman.annotations.userns";
const INFRA_NAME: &str = "io.podman.annotations.infra.name";
const ULIMIT: &str = "io.podman.annotations.ulimit";
const BIND_MOUNT: &str = "bind-mount-options";
/// What a play adds by itself.
const HEALTH_CHECK: &str = "io.podman.annotations.kube.health.check";

/// Annotations by which the engine itself remembers what options were given.
const RESERVED: [&str; 9] = [
    "io.podman.annotations.cid-file",
    "io.podman.annotations.autoremove",
    "io.podman.annotations.privileged",
    "io.podman.annotations.publish-all",
    "io.podman.annotations.init",
    "io.podman.annotations.label",
    "io.podman.annotations.seccomp",
    "io.podman.annotations.apparmor",
    "io.podman.annotations.volumes-from",
];

/// A name as Kubernetes takes it.
pub(super) fn named(name: &str) -> String {
    name.replace('_', "")
}

/// What is collected of containers for their pod.
#[derive(Default)]
struct Collected {
    annotations: StringMap,
    hostname: String,
    stop_timeout: Option<u32>,
    spec: PodSpec,
    dns: DnsConfig,
}

impl Collected {
    fn add(
        &mut self,
        described: &GeneratedContainer,
        facts: &GenerateFacts<'_>,
        options: &KubeGenerateOptions,
        pod: &str,
    ) -> Result<()> {
        let inspect = &described.inspect;
        let name = named(&inspect.name);
        for (key, value) in &inspect.config.annotations {
            let reserved = RESERVED.contains(&key.as_str()) && !options.podman_only;
            if reserved || key == HEALTH_CHECK {
                continue;
            }
            // A key with a prefix has no place for a container's name.
            let key = if key.contains('/') { key.clone() } else { format!("{key}/{name}") };
            self.annotations.insert(key, value.clone());
        }
        for (key, value) in
            inspect.config.labels.iter().filter(|(key, _)| key.contains("io.containers.autoupdate"))
        {
            self.annotations.insert(format!("{key}/{name}"), value.clone());
        }
        let host = &inspect.config.hostname;
        if self.hostname.is_empty() && !inspect.id.contains(host.as_str()) && host != pod {
            self.hostname.clone_from(host);
        }
        if self.stop_timeout.is_none() && inspect.config.stop_timeout != facts.stop_timeout {
            self.stop_timeout = Some(inspect.config.stop_timeout);
        }
        let made = container::of(described, facts, options)?;
        for (path, label) in made.labels {
            self.annotations.insert(BIND_MOUNT.into(), format!("{path}:{label}"));
        }
        for volume in made.volumes {
            if !self.spec.volumes.iter().any(|known| known.name == volume.name) {
                self.spec.volumes.push(volume);
            }
        }
        let list = if described.first { &mut self.spec.init_containers } else { &mut self.spec.containers };
        list.push(made.container);
        Ok(())
    }

    fn add_dns(&mut self, described: &GeneratedContainer) {
        let found = DnsOf(&described.inspect).config();
        add_new(&mut self.dns.nameservers, found.nameservers);
        add_new(&mut self.dns.searches, found.searches);
        add_new(&mut self.dns.options, found.options);
    }

    fn finish(mut self, name: &str, facts: &GenerateFacts<'_>) -> Pod {
        self.spec.hostname = self.hostname;
        self.spec.termination_grace_period_seconds = self.stop_timeout.map(i64::from);
        if self.dns != DnsConfig::default() {
            self.spec.dns_config = Some(self.dns);
        }
        Pod {
            api_version: "v1".into(),
            kind: "Pod".into(),
            metadata: Metadata {
                name: name.to_owned(),
                labels: [("app".to_owned(), name.to_owned())].into(),
                annotations: self.annotations,
                creation_timestamp: Some(facts.now.clone()),
            },
            spec: self.spec,
            ..Pod::default()
        }
    }
}

fn add_new<T: PartialEq>(list: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !list.contains(&one) {
            list.push(one);
        }
    }
}

fn restart_policy(policy: &str) -> String {
    match policy {
        "no" => "Never",
        "always" => "Always",
        "on-failure" => "OnFailure",
        _ => "",
    }
    .into()
}

/// The pod that containers together become.
pub(super) fn of_containers(
    containers: &[GeneratedContainer],
    facts: &GenerateFacts<'_>,
    options: &KubeGenerateOptions,
) -> Result<Pod> {
    let mut collected = Collected::default();
    let mut host_network = true;
    for described in containers {
        collected.add(described, facts, options, "")?;
        collected.add_dns(described);
        host_network &= described.inspect.host_config.network_mode == "host";
        if !described.userns.is_empty() {
            collected.spec.host_users = Some(false);
        }
        if !described.ulimits.is_empty() {
            collected.annotations.insert(ULIMIT.into(), described.ulimits.join(","));
        }
    }
    collected.spec.host_network = host_network;
    let policy = containers.iter().find(|one| !one.first).map(|one| one.restart_policy.as_str());
    collected.spec.restart_policy = restart_policy(policy.unwrap_or_default());
    let first = containers.first().map(|one| named(&one.inspect.name)).unwrap_or_default();
    Ok(collected.finish(&format!("{first}-pod"), facts))
}

/// A pod, and its ports.
pub(super) fn of_pod(
    described: &GeneratedPod,
    facts: &GenerateFacts<'_>,
    options: &KubeGenerateOptions,
) -> Result<(Pod, Vec<Port>)> {
    let inspect = &described.inspect;
    if described.members.is_empty() {
        match described.infra {
            None => bail!("pod {} has no containers", inspect.id),
            Some(_) => bail!("pod {} only has an infra container", inspect.id),
        }
    }
    let mut collected = Collected::default();
    let mut ports = Vec::new();
    if let Some(infra) = &described.infra {
        ports = container::ports(&infra.inspect.host_config.port_bindings, options.service)?;
        collected.spec.host_network = infra.inspect.host_config.network_mode == "host";
        collected.spec.host_aliases = host_aliases(&infra.inspect.host_config.extra_hosts)?;
        collected.add_dns(infra);
        if !infra.userns.is_empty() {
            collected.spec.host_users = Some(false);
            collected.annotations.insert(USERNS.into(), infra.userns.clone());
        }
        let usual = format!("{}-infra", inspect.id.get(..12).unwrap_or_default());
        if infra.inspect.name != usual {
            collected.annotations.insert(INFRA_NAME.into(), infra.inspect.name.clone());
        }
    }
    for member in &described.members {
        collected.add(member, facts, options, &inspect.name)?;
    }
    let shares = |name: &str| inspect.shared_namespaces.iter().any(|own| own == name);
    if shares("net") {
        let lists = [&mut collected.spec.containers, &mut collected.spec.init_containers];
        let mut first = true;
        for container in lists.into_iter().flatten() {
            container.ports = if first { ports.clone() } else { Vec::new() };
            first = false;
        }
    }
    collected.spec.share_process_namespace = shares("pid").then_some(true);
    collected.spec.restart_policy = restart_policy(&inspect.restart_policy);
    Ok((collected.finish(&named(&inspect.name), facts), ports))
}

fn host_aliases(entries: &[String]) -> Result<Vec<HostAlias>> {
    let mut aliases = Vec::new();
    for entry in entries {
        let Some((names, ip)) = entry.split_once(':') else { bail!("invalid hostAdd") };
        aliases
            .push(HostAlias { ip: ip.to_owned(), hostnames: names.split(';').map(str::to_owned).collect() });
    }
    Ok(aliases)
}

/// One binding as a port.
pub(super) fn port(key: &str, binding: &InspectHostPort, service: bool) -> Result<Port> {
    let (number, protocol) = key.split_once('/').unwrap_or((key, "tcp"));
    let wrong = || crate::KubeError::new(format!("{key:?} is no port"));
    let protocol = match protocol {
        "tcp" => "",
        "udp" => "UDP",
        "sctp" => "SCTP",
        other => bail!("unknown network protocol {other}"),
    };
    let host_ip = if binding.host_ip == "0.0.0.0" { "" } else { &binding.host_ip };
    Ok(Port {
        container_port: number.parse().map_err(|_| wrong())?,
        host_port: if service { 0 } else { binding.host_port.parse().unwrap_or(0) },
        host_ip: host_ip.to_owned(),
        protocol: protocol.to_owned(),
        ..Port::default()
    })
}
