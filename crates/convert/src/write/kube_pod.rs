//! A pod's document.

use std::collections::BTreeMap;

use cove_api::{Namespace, PodSpec, PortMapping, StringMap};
use serde_json::{Map, Value, json};

use super::flags_value::mode;
use super::kube::NO_FIELD;
use crate::loss::Of;
use crate::model::{Application, Container};
use crate::normal::DEFAULT_NETWORK;

/// The annotation that names the user namespace.
const USERNS: &str = "io.podman.annotations.userns";

/// Why names are lost.
const NO_NAMES: &str = "pods are found by their own names and those of their containers";

/// A pod in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) labels: StringMap,
    pub(super) annotations: StringMap,
    pub(super) spec: Map<String, Value>,
    pub(super) ports: Vec<Value>,
    pub(super) volumes: Vec<Value>,
    pub(super) containers: Vec<Value>,
    pub(super) first: Vec<Value>,
}

impl Draft {
    /// The document.
    pub(super) fn document(mut self) -> Value {
        let mut metadata = json!({"name": self.name});
        if !self.labels.is_empty() {
            metadata["labels"] = json!(self.labels);
        }
        if !self.annotations.is_empty() {
            metadata["annotations"] = json!(self.annotations);
        }
        if !self.ports.is_empty() {
            // A pod's ports are those of its containers; which of them has one does not matter.
            if let Some(first) = self.containers.first_mut() {
                first["ports"] = Value::Array(self.ports);
            }
        }
        // Said, because what is not said is "always".
        self.spec.entry("restartPolicy").or_insert_with(|| "Never".into());
        for (key, list) in
            [("initContainers", self.first), ("containers", self.containers), ("volumes", self.volumes)]
        {
            if !list.is_empty() {
                self.spec.insert(key.to_owned(), Value::Array(list));
            }
        }
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": self.spec})
    }

    /// Adds an annotation that Kubernetes takes and that says nothing else yet.
    pub(super) fn note(&mut self, key: &str, value: &str, field: &str, lost: &mut Of<'_>) {
        if !is_key(key) {
            return lost.lost(field, &format!("{key:?} is no annotation of Kubernetes"));
        }
        match self.annotations.get(key) {
            Some(known) if known != value => lost.lost(field, "the pod has another annotation of that name"),
            _ => drop(self.annotations.insert(key.to_owned(), value.to_owned())),
        }
    }
}

/// A name as Kubernetes takes it.
pub(super) fn name(text: &str) -> String {
    let part = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = text.chars().map(part).take(63).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "container".to_owned() } else { name.to_owned() }
}

/// Whether Kubernetes takes it as the key of a label or annotation.
fn is_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let domain = |text: &str| {
        let is_part = |part: &str| {
            is_edged(part) && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        text.len() <= 253 && text.split('.').all(is_part)
    };
    prefix.is_none_or(domain) && is_value(name) && !name.is_empty()
}

/// Whether Kubernetes takes it as the value of a label.
fn is_value(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= 63 && text.chars().all(known) && (text.is_empty() || is_edged(text))
}

fn is_edged(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    edge(text.chars().next()) && edge(text.chars().next_back())
}

/// Tells which labels a cluster refuses; `kube play` takes them.
pub(super) fn check_labels(labels: &StringMap, lost: &mut Of<'_>) {
    for (key, value) in labels {
        if !is_key(key) || !is_value(value) {
            lost.lost(&format!("labels.{key}"), "kube play takes it, but a cluster refuses such a label");
        }
    }
}

/// When containers start again; one policy holds for all of a pod.
pub(super) fn restart_policy(policy: &str, draft: &mut Draft, lost: &mut Of<'_>) {
    let written = match policy {
        "" => return,
        "on-failure" => "OnFailure",
        "unless-stopped" => {
            lost.lost("restart_policy", "Kubernetes starts what was stopped again: it is Always");
            "Always"
        }
        "no" => "Never",
        _ => "Always",
    };
    match draft.spec.get("restartPolicy").and_then(Value::as_str) {
        Some(known) if known != written => {
            lost.lost("restart_policy", &format!("all containers of a pod have one, which is {known}"));
        }
        _ => drop(draft.spec.insert("restartPolicy".to_owned(), written.into())),
    }
}

/// What a pod has of its network and names, whoever says it.
struct Around<'a> {
    hostname: &'a str,
    netns: &'a Namespace,
    networks: &'a BTreeMap<String, cove_api::PerNetworkOptions>,
    ports: &'a [PortMapping],
    dns: [&'a [String]; 3],
    hosts: &'a [String],
    sysctl: &'a StringMap,
    pidns: &'a Namespace,
    ipcns: &'a Namespace,
    utsns: &'a Namespace,
    userns: &'a Namespace,
}

/// What a container that is alone in its pod says of the pod.
pub(super) fn of_spec(application: &Application, alone: &Container, draft: &mut Draft, lost: &mut Of<'_>) {
    let spec = &alone.spec;
    restart_policy(&spec.restart_policy, draft, lost);
    // Its own names are those of the pod and of the container.
    let known = [alone.key.as_str(), spec.name.as_str(), draft.name.as_str()];
    for (network, own) in &spec.networks {
        for alias in own.aliases.iter().filter(|alias| !known.contains(&alias.as_str())) {
            lost.lost(&format!("Networks.{network}.aliases.{alias}"), NO_NAMES);
        }
    }
    if !spec.networks.is_empty() && application.networks.is_empty() {
        for network in spec.networks.keys().filter(|name| *name != DEFAULT_NETWORK) {
            lost.lost(&format!("Networks.{network}"), "pods are on one network: kube play --network NAME");
        }
    }
    around(
        &Around {
            hostname: &spec.hostname,
            netns: &spec.netns,
            networks: &spec.networks,
            ports: &spec.portmappings,
            dns: [&spec.dns_server, &spec.dns_search, &spec.dns_option],
            hosts: &spec.hostadd,
            sysctl: &spec.sysctl,
            pidns: &spec.pidns,
            ipcns: &spec.ipcns,
            utsns: &spec.utsns,
            userns: &spec.userns,
        },
        draft,
        lost,
    );
}

/// What a pod's request says; `names` are those of its containers, by which `kube play` lets others find it.
#[allow(clippy::too_many_lines, reason = "every field of the request has its line")]
pub(super) fn of_pod(pod: &PodSpec, names: &[String], draft: &mut Draft, lost: &mut Of<'_>) {
    let PodSpec {
        name: _, // the draft has it
        hostname,
        exit_policy,
        labels: _, // the draft has them
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
    } = pod;
    // `kube play` stops a pod with its last container.
    lost.given("exit_policy", &(exit_policy == "continue"), NO_FIELD);
    lost.given("no_infra", no_infra, NO_FIELD);
    lost.given("infra_conmon_pid_file", infra_conmon_pid_file, NO_FIELD);
    lost.given("infra_command", infra_command, NO_FIELD);
    lost.given("infra_image", infra_image, NO_FIELD);
    if !infra_name.is_empty() {
        draft.note("io.podman.annotations.infra.name", infra_name, "infra_name", lost);
    }
    lost.given("share_parent", share_parent, NO_FIELD);
    lost.given("restart_tries", restart_tries, NO_FIELD);
    lost.given("pod_devices", pod_devices, NO_FIELD);
    lost.given("gpus", gpus, NO_FIELD);
    lost.given("no_manage_resolv_conf", no_manage_resolv_conf, NO_FIELD);
    lost.given("no_manage_hostname", no_manage_hostname, "kube play has --no-hostname");
    lost.given("no_manage_hosts", no_manage_hosts, "kube play has --no-hosts");
    lost.given("hosts_file", hosts_file, NO_FIELD);
    lost.given("network_options", network_options, "kube play has --network");
    lost.given("cgroup_parent", cgroup_parent, NO_FIELD);
    lost.given("resource_limits", resource_limits, "limits are those of containers");
    lost.given("weightDevice", weight_device, NO_FIELD);
    for rates in [
        throttle_read_bps_device,
        throttle_write_bps_device,
        throttle_read_iops_device,
        throttle_write_iops_device,
    ] {
        lost.given("throttle", rates, NO_FIELD);
    }
    lost.given("mounts", mounts, "mounts are those of containers");
    lost.given("volumes", volumes, "mounts are those of containers");
    lost.given("overlay_volumes", overlay_volumes, NO_FIELD);
    lost.given("image_volumes", image_volumes, "mounts are those of containers");
    lost.given("volumes_from", volumes_from, NO_FIELD);
    lost.given("shm_size", shm_size, NO_FIELD);
    lost.given("shm_size_systemd", shm_size_systemd, NO_FIELD);
    lost.given("security_opt", security_opt, NO_FIELD);
    lost.given("idmappings", idmappings, NO_FIELD);
    lost.given("serviceContainerID", service_container_id, NO_FIELD);
    self::restart_policy(restart_policy, draft, lost);
    shared(shared_namespaces, draft, lost);
    for (network, own) in networks {
        for alias in own.aliases.iter().filter(|alias| !names.contains(alias) && **alias != draft.name) {
            lost.lost(&format!("Networks.{network}.aliases.{alias}"), NO_NAMES);
        }
    }
    around(
        &Around {
            hostname,
            netns,
            networks,
            ports: portmappings,
            dns: [dns_server, dns_search, dns_option],
            hosts: hostadd,
            sysctl,
            pidns,
            ipcns,
            utsns,
            userns,
        },
        draft,
        lost,
    );
}

fn shared(namespaces: &[String], draft: &mut Draft, lost: &mut Of<'_>) {
    if namespaces.is_empty() {
        return;
    }
    for name in namespaces {
        match name.as_str() {
            "ipc" | "net" | "uts" => {}
            "pid" => drop(draft.spec.insert("shareProcessNamespace".to_owned(), true.into())),
            other => lost.lost(&format!("shared_namespaces.{other}"), NO_FIELD),
        }
    }
    for name in cove_api::DEFAULT_SHARED_NAMESPACES {
        if !namespaces.iter().any(|own| own == name) {
            lost.lost(&format!("shared_namespaces.{name}"), "pods of Kubernetes share it");
        }
    }
}

fn around(around: &Around<'_>, draft: &mut Draft, lost: &mut Of<'_>) {
    let Around { hostname, netns, networks, ports, dns, hosts, sysctl, pidns, ipcns, utsns, userns } = around;
    if !hostname.is_empty() && *hostname != draft.name {
        draft.spec.insert("hostname".to_owned(), (*hostname).into());
    }
    match netns.nsmode.as_str() {
        "" | "bridge" | "private" => {}
        "host" => drop(draft.spec.insert("hostNetwork".to_owned(), true.into())),
        _ => lost.lost("netns", "kube play has --network for it"),
    }
    for (network, own) in *networks {
        for (field, given) in [
            ("static_ips", !own.static_ips.is_empty()),
            ("static_mac", !own.static_mac.is_empty()),
            ("interface_name", !own.interface_name.is_empty()),
            ("options", !own.options.is_empty()),
        ] {
            if given {
                lost.lost(
                    &format!("Networks.{network}.{field}"),
                    "kube play has --ip, --mac-address, --network",
                );
            }
        }
    }
    for port in *ports {
        self::port(port, draft, lost);
    }
    resolver(*dns, draft);
    aliases(hosts, draft, lost);
    if !sysctl.is_empty() {
        let list: Vec<Value> =
            sysctl.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        draft.spec.insert("securityContext".to_owned(), json!({"sysctls": list}));
    }
    for (namespace, key, field) in [(pidns, "hostPID", "pidns"), (ipcns, "hostIPC", "ipcns")] {
        match namespace.nsmode.as_str() {
            "" | "private" | "shareable" => {}
            "host" => drop(draft.spec.insert(key.to_owned(), true.into())),
            _ => lost.lost(field, NO_FIELD),
        }
    }
    // On the host's network a pod has the host's name, too.
    match utsns.nsmode.as_str() {
        "" | "private" => {}
        "host" if netns.is_host() => {}
        _ => lost.lost("utsns", NO_FIELD),
    }
    if let Some(mode) = mode(userns).filter(|mode| mode != "host") {
        draft.note(USERNS, &mode, "userns", lost);
    }
}

fn port(mapping: &PortMapping, draft: &mut Draft, lost: &mut Of<'_>) {
    let Ok(ports) = mapping.expand() else { return lost.lost("portmappings", "a port is none") };
    for port in ports {
        if port.host_port == 0 {
            lost.lost(
                &format!("portmappings.{}", port.container_port),
                "kube play publishes only ports whose number on the host is given",
            );
        }
        let mut value = json!({"containerPort": port.container_port});
        if port.host_port != 0 {
            value["hostPort"] = port.host_port.into();
        }
        if let Some(ip) = port.host_ip {
            value["hostIP"] = ip.to_string().into();
        }
        if port.protocol != cove_api::Protocol::Tcp {
            value["protocol"] = port.protocol.as_str().to_uppercase().into();
        }
        draft.ports.push(value);
    }
}

fn resolver([servers, searches, options]: [&[String]; 3], draft: &mut Draft) {
    let mut config = Map::new();
    if !servers.is_empty() {
        config.insert("nameservers".to_owned(), json!(servers));
    }
    if !searches.is_empty() {
        config.insert("searches".to_owned(), json!(searches));
    }
    if !options.is_empty() {
        let option = |text: &String| match text.split_once(':') {
            Some((name, value)) => json!({"name": name, "value": value}),
            None => json!({"name": text}),
        };
        config.insert("options".to_owned(), options.iter().map(option).collect());
    }
    if !config.is_empty() {
        draft.spec.insert("dnsConfig".to_owned(), Value::Object(config));
    }
}

fn aliases(hosts: &[String], draft: &mut Draft, lost: &mut Of<'_>) {
    let mut list: Vec<Value> = Vec::new();
    for entry in hosts {
        let (names, ip) = entry.split_once(':').unwrap_or((entry, ""));
        if ip.parse::<std::net::IpAddr>().is_err() {
            lost.lost(&format!("hostadd.{names}"), "an alias has an address in Kubernetes");
            continue;
        }
        let names: Vec<&str> = names.split(';').collect();
        list.push(json!({"ip": ip, "hostnames": names}));
    }
    if !list.is_empty() {
        draft.spec.insert("hostAliases".to_owned(), Value::Array(list));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels() {
        for (text, expected) in [("web", "web"), ("My_App.1", "my-app-1"), ("_", "container"), ("-a-", "a")] {
            assert_eq!(name(text), expected);
        }
        for key in ["a", "a.b/c", "io.podman.annotations.init/web"] {
            assert!(is_key(key), "{key}");
        }
        for key in ["", "/a", "a/", "-a", "a b", "A/b", &"a".repeat(64)] {
            assert!(!is_key(key), "{key}");
        }
        assert!(is_value("") && is_value("a_b.c") && !is_value("a b") && !is_value("http://x"));
    }
}
