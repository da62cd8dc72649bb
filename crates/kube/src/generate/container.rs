//! Containers.

use std::collections::BTreeMap;

use cove_api::{ContainerInspect, InspectHostPort, KubeGenerateOptions};

use super::facts::{GenerateFacts, GeneratedContainer};
use super::pod::{named, port};
use super::volumes;
use crate::error::{Result, bail};
use crate::objects::{
    Capabilities, Container, DnsConfig, DnsOption, Env, Port, Resources, Security, SelinuxOptions, Volume,
};

/// A container, and what of it is said elsewhere in the pod.
pub(super) struct Made {
    pub(super) container: Container,
    pub(super) volumes: Vec<Volume>,
    /// Paths of the host that were mounted with a label.
    pub(super) labels: Vec<(String, String)>,
}

pub(super) fn of(
    described: &GeneratedContainer,
    facts: &GenerateFacts<'_>,
    options: &KubeGenerateOptions,
) -> Result<Made> {
    let inspect = &described.inspect;
    if !inspect.host_config.privileged && !inspect.host_config.devices.is_empty() {
        bail!(
            "container {}: Kubernetes YAML has no devices: make it without --device, or with --privileged",
            inspect.name
        );
    }
    if !inspect.rootfs.is_empty() {
        bail!("container {}: k8s does not support Rootfs", inspect.name);
    }
    let volumes::Mounted { mounts, volumes, labels } = volumes::of_container(inspect, facts)?;
    let (command, args) = words(described);
    let image = described.image.as_ref().map(|image| &image.config);
    let folder = inspect.config.working_dir.as_str();
    let own_folder = folder != "/" && image.is_none_or(|image| image.working_dir != folder);
    let container = Container {
        name: named(&inspect.name),
        image: inspect.image_name.clone(),
        command,
        args,
        working_dir: if own_folder { folder.to_owned() } else { String::new() },
        ports: ports(&inspect.host_config.port_bindings, options.service)?,
        env: environment(described),
        resources: resources(inspect),
        volume_mounts: mounts,
        security_context: security(described, facts),
        stdin: inspect.config.open_stdin,
        tty: inspect.config.tty,
        ..Container::default()
    };
    Ok(Made { container, volumes, labels })
}

/// Command and arguments, but for what is the image's own.
fn words(described: &GeneratedContainer) -> (Vec<String>, Vec<String>) {
    let config = &described.inspect.config;
    let (mut command, args) = if config.entrypoint.is_empty() {
        (config.cmd.clone(), Vec::new())
    } else {
        (config.entrypoint.clone(), config.cmd.clone())
    };
    if let Some(image) = &described.image
        && (image.config.cmd == command || image.config.entrypoint == command)
    {
        command.clear();
    }
    (command, args)
}

/// The variables that neither the image nor every container has.
fn environment(described: &GeneratedContainer) -> Vec<Env> {
    let config = &described.inspect.config;
    let of_image =
        |text: &String| described.image.as_ref().is_some_and(|image| image.config.env.contains(text));
    let usual = |name: &str, value: &str| {
        matches!(name, "HOSTNAME" | "container")
            || (name, value) == ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            || (name == "TERM" && config.tty && value == "xterm")
    };
    let own = config.env.iter().filter(|text| !of_image(text));
    own.filter_map(|text| text.split_once('='))
        .filter(|(name, value)| !usual(name, value))
        .map(|(name, value)| Env { name: name.to_owned(), value: value.to_owned(), ..Env::default() })
        .collect()
}

/// Published ports, by their numbers.
pub(super) fn ports(bindings: &BTreeMap<String, Vec<InspectHostPort>>, service: bool) -> Result<Vec<Port>> {
    let mut ports = Vec::new();
    for (key, bindings) in bindings {
        for binding in bindings {
            ports.push(port(key, binding, service)?);
        }
    }
    ports.sort_by(|one, other| {
        (one.container_port, &one.protocol).cmp(&(other.container_port, &other.protocol))
    });
    Ok(ports)
}

fn resources(inspect: &ContainerInspect) -> Resources {
    let host = &inspect.host_config;
    let mut resources = Resources::default();
    if host.memory > 0 {
        resources.limits.insert("memory".into(), decimal(host.memory.unsigned_abs()));
    }
    if host.cpu_quota > 0 && host.cpu_period > 0 {
        let thousandths = (host.cpu_quota as f64 / host.cpu_period as f64 * 1000.0) as u64;
        if thousandths >= 1 {
            let whole = thousandths.is_multiple_of(1000);
            let text = if whole { decimal(thousandths / 1000) } else { format!("{thousandths}m") };
            resources.limits.insert("cpu".into(), text);
        }
    }
    resources
}

/// A number with the largest decimal suffix that leaves it whole, as Kubernetes writes amounts.
fn decimal(mut number: u64) -> String {
    let mut suffixes = ["", "k", "M", "G", "T", "P", "E"].into_iter();
    let mut suffix = suffixes.next().unwrap_or_default();
    while number > 0 && number.is_multiple_of(1000) {
        let Some(next) = suffixes.next() else { break };
        (number, suffix) = (number / 1000, next);
    }
    format!("{number}{suffix}")
}

fn security(described: &GeneratedContainer, facts: &GenerateFacts<'_>) -> Option<Security> {
    let inspect = &described.inspect;
    let host = &inspect.host_config;
    let option = |wanted: &str| host.security_opt.iter().any(|text| text.eq_ignore_ascii_case(wanted));
    let mut security = Security {
        privileged: host.privileged.then_some(true),
        read_only_root_filesystem: host.readonly_rootfs.then_some(true),
        allow_privilege_escalation: (option("no-new-privileges") || option("no-new-privileges:true"))
            .then_some(false),
        selinux_options: selinux(&host.security_opt),
        ..Security::default()
    };
    if option("unmask=all") && !host.privileged {
        security.proc_mount = "Unmasked".into();
    }
    if !host.privileged {
        let differ = |these: &[String], those: &[String]| {
            let mut differ: Vec<String> = these.iter().filter(|one| !those.contains(one)).cloned().collect();
            differ.sort();
            differ
        };
        let add = differ(&inspect.bounding_caps, &facts.capabilities);
        let drop = differ(&facts.capabilities, &inspect.bounding_caps);
        if !add.is_empty() || !drop.is_empty() {
            security.capabilities = Some(Capabilities { add, drop });
        }
    }
    let of_image = described.image.as_ref().map(|image| image.user.as_str()).unwrap_or_default();
    if let Some((user, group)) = described.user.filter(|_| of_image != inspect.config.user) {
        security.run_as_user = Some(user.into());
        security.run_as_group = Some(group.into());
    }
    if of_image.parse::<u32>().is_ok_and(|id| id > 0) && described.user.is_none_or(|(user, _)| user > 0) {
        security.run_as_non_root = Some(true);
    }
    (security != Security::default()).then_some(security)
}

fn selinux(options: &[String]) -> Option<SelinuxOptions> {
    let mut selinux = SelinuxOptions::default();
    for label in options.iter().filter_map(|text| text.strip_prefix("label=")) {
        match label.split_once(':') {
            Some(("filetype", value)) => selinux.file_type = value.into(),
            Some(("type", value)) => selinux.kind = value.into(),
            Some(("level", value)) => selinux.level = value.into(),
            Some(("user", value)) => selinux.user = value.into(),
            Some(("role", value)) => selinux.role = value.into(),
            None if label == "disable" => selinux.kind = "spc_t".into(),
            _ => {}
        }
    }
    (selinux != SelinuxOptions::default()).then_some(selinux)
}

/// A container's resolver.
pub(super) struct DnsOf<'a>(pub(super) &'a ContainerInspect);

impl DnsOf<'_> {
    pub(super) fn config(&self) -> DnsConfig {
        let host = &self.0.host_config;
        let option = |text: &String| match text.split_once(':') {
            Some((name, value)) => DnsOption { name: name.into(), value: Some(value.into()) },
            None => DnsOption { name: text.clone(), value: None },
        };
        DnsConfig {
            nameservers: host.dns.clone(),
            searches: host.dns_search.clone(),
            options: host.dns_options.iter().map(option).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_amounts() {
        for (number, expected) in
            [(0, "0"), (1, "1"), (1000, "1k"), (104_857_600, "104857600"), (2_000_000, "2M")]
        {
            assert_eq!(decimal(number), expected);
        }
    }
}
