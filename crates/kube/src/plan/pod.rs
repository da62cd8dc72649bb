//! The request of a pod.

use std::collections::{BTreeMap, BTreeSet};

use cove_api::{Namespace, PodSpec, PullPolicy, StringMap};
use cove_spec::{host, name, namespace, network, policy};

use super::annotations;
use super::container::{self, ContainerPlan, Surroundings};
use super::facts::Known;
use super::security::SeccompPaths;
use super::{ports, volume};
use crate::application::Workload;
use crate::error::{KubeError, Result, bail};
use crate::objects::{Container, PodSpec as Written};
use crate::{DEFAULT_NETWORK, Source};

/// A pod that is to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct PodPlan {
    /// Its request.
    pub spec: PodSpec,
    /// Its volumes by their names in the file.
    pub volumes: BTreeMap<String, Source>,
    /// Those that prepare it, then the others, in their order.
    pub containers: Vec<ContainerPlan>,
    /// What is done otherwise than asked.
    pub remarks: Vec<String>,
}

impl Workload {
    /// The secrets that it names.
    #[must_use]
    pub fn secret_names(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for container in self.all_containers() {
            let whole = container.env_from.iter().filter_map(|from| from.secret_ref.as_ref());
            names.extend(whole.map(|reference| reference.name.as_str()));
            let sources = container.env.iter().filter_map(|env| env.value_from.as_ref());
            names.extend(sources.filter_map(|from| Some(from.secret_key_ref.as_ref()?.name.as_str())));
        }
        names.extend(
            self.spec.volumes.iter().filter_map(|volume| Some(volume.secret.as_ref()?.secret_name.as_str())),
        );
        names
    }

    /// The volumes that it uses and that outlive it: what `down --force` removes.
    #[must_use]
    pub fn volume_names(&self) -> Vec<&str> {
        self.spec.volumes.iter().filter_map(volume_name).collect()
    }

    /// The images that it needs, with when each is pulled.
    ///
    /// # Errors
    /// There is no such policy.
    pub fn images(&self) -> Result<Vec<(&str, PullPolicy)>> {
        let mut images = Vec::new();
        for container in self.all_containers() {
            images.push((
                container.image.as_str(),
                image_policy(&container.image, &container.image_pull_policy)?,
            ));
        }
        for image in self.spec.volumes.iter().filter_map(|volume| volume.image.as_ref()) {
            images.push((image.reference.as_str(), image_policy(&image.reference, &image.pull_policy)?));
        }
        Ok(images)
    }

    fn all_containers(&self) -> impl Iterator<Item = &Container> {
        self.spec.init_containers.iter().chain(&self.spec.containers)
    }

    /// What it comes to.
    ///
    /// # Errors
    /// A value is wrong, contradicts another or an option, or what it names does not exist.
    pub fn plan(&self, known: &Known<'_>) -> Result<PodPlan> {
        self.plan_all(known)
            .map_err(|error| error.context(format!("pod {}", self.name)).at(self.line, String::new))
    }

    fn plan_all(&self, known: &Known<'_>) -> Result<PodPlan> {
        name::container(&self.name)?;
        let mut annotations = self.annotations.clone();
        annotations.extend(known.options.annotations.clone());
        annotations::check(&annotations)?;
        check_reserved(&annotations)?;
        let mut plan = PodPlan {
            spec: self.pod_spec(known, &annotations)?,
            volumes: volume::sources(&self.name, &self.spec, known)?,
            containers: Vec::new(),
            remarks: Vec::new(),
        };
        self.connect(known, &mut plan)?;
        let seccomp = SeccompPaths::of(&annotations, known.options.seccomp_profile_root.as_deref());
        let mut names = Vec::new();
        for container in self.all_containers() {
            if names.contains(&container.name.as_str()) {
                bail!(
                    "the pod {:?} is invalid; duplicate container name {:?} detected",
                    self.name,
                    container.name
                );
            }
            let around = Surroundings {
                known,
                pod: self,
                annotations: &annotations,
                volumes: &plan.volumes,
                seccomp: &seccomp,
                restart_policy: &plan.spec.restart_policy,
                before: &names,
                first: names.len() < self.spec.init_containers.len(),
            };
            let planned = container::plan(container, &around)
                .map_err(|error| error.context(format!("container {:?}", container.name)))?;
            plan.containers.push(planned);
            names.push(&container.name);
        }
        Ok(plan)
    }

    fn pod_spec(&self, known: &Known<'_>, annotations: &StringMap) -> Result<PodSpec> {
        let (written, options) = (&self.spec, known.options);
        let mut spec = PodSpec {
            name: self.name.clone(),
            labels: self.labels.clone(),
            exit_policy: "stop".into(),
            hostname: if written.hostname.is_empty() { self.name.clone() } else { written.hostname.clone() },
            restart_policy: restart_policy(&written.restart_policy)?.into(),
            infra_name: annotations.get(annotations::INFRA_NAME).cloned().unwrap_or_default(),
            no_manage_hosts: options.no_hosts,
            no_manage_hostname: options.no_hostname,
            userns: self.userns(known, annotations)?,
            ..PodSpec::default()
        };
        spec.shared_namespaces = ["ipc", "net", "uts"].map(str::to_owned).into();
        if written.share_process_namespace == Some(true) {
            spec.shared_namespaces.push("pid".into());
        }
        if written.host_pid {
            spec.pidns = Namespace::new("host");
        }
        if written.host_ipc {
            spec.ipcns = Namespace::new("host");
        }
        spec.hostadd = host_aliases(written, options.no_hosts)?;
        if let Some(dns) = &written.dns_config {
            spec.dns_server =
                dns.nameservers.iter().map(|server| host::dns_server(server)).collect::<Result<_, _>>()?;
            dns.searches.iter().try_for_each(|domain| host::dns_search(domain))?;
            spec.dns_search.clone_from(&dns.searches);
            for option in &dns.options {
                let text = match &option.value {
                    Some(value) if !value.is_empty() => format!("{}:{value}", option.name),
                    _ => option.name.clone(),
                };
                host::dns_option(&text)?;
                spec.dns_option.push(text);
            }
        }
        if let Some(security) = &written.security_context {
            let texts: Vec<String> =
                security.sysctls.iter().map(|one| format!("{}={}", one.name, one.value)).collect();
            spec.sysctl = host::sysctls(texts.iter().map(String::as_str))?;
        }
        Ok(spec)
    }

    fn userns(&self, known: &Known<'_>, annotations: &StringMap) -> Result<Namespace> {
        let option = known.options.userns.as_str();
        let asked = if option.is_empty() {
            annotations
                .get(annotations::USERNS)
                .map(String::as_str)
                .or_else(|| annotations::of_container(annotations, annotations::USERNS, &self.name))
                .unwrap_or(if self.spec.host_users == Some(false) { "auto" } else { "host" })
        } else {
            option
        };
        Ok(namespace::user(if asked == "private" { "auto" } else { asked })?)
    }

    /// Its networks, addresses, names on them, and ports.
    fn connect(&self, known: &Known<'_>, plan: &mut PodPlan) -> Result<()> {
        let options = known.options;
        let by_host = self.spec.host_network && options.network.is_empty();
        let mut selection = if by_host {
            network::parse(["host"])?
        } else if options.network.is_empty() {
            network::parse([DEFAULT_NETWORK])?
        } else {
            network::parse(options.network.iter().map(String::as_str))?
        };
        let ip = options.static_ips.get(known.place);
        let mac = options.static_macs.get(known.place);
        for (given, all, what) in [(ip, &options.static_ips, "ips"), (mac, &options.static_macs, "macs")] {
            if given.is_none() && !all.is_empty() {
                plan.remarks.push(format!("No more static {what} left using a random one"));
            }
        }
        let is_bridge = matches!(selection.namespace.nsmode.as_str(), "bridge");
        if (ip.is_some() || mac.is_some()) && !is_bridge {
            let what = if ip.is_some() { "static ip addresses" } else { "static mac address" };
            bail!("{what} can only be set when the network mode is bridge: invalid argument");
        }
        let is_v6 = |ip: &&String| ip.contains(':');
        selection = selection.with_addresses(&network::AddressFlags {
            ip: ip.filter(|ip| !is_v6(ip)).cloned(),
            ip6: ip.filter(is_v6).cloned(),
            mac: mac.cloned(),
            ..network::AddressFlags::default()
        })?;
        for network in selection.networks.values_mut() {
            // Others find it by the names in the file, too.
            let names = self.spec.containers.iter().map(|container| &container.name).chain(&self.host_names);
            network.aliases.extend(names.filter(|name| name::hostname(name).is_ok()).cloned());
        }
        let spec = &mut plan.spec;
        spec.netns = selection.namespace;
        spec.networks = selection.networks;
        spec.network_options = selection.options;
        if self.spec.host_network && spec.netns.is_host() {
            // The host's own name.
            spec.utsns = Namespace::new("host");
            spec.hostname.clear();
        }
        spec.portmappings = ports::of_pod(&self.spec.containers, options)?;
        if matches!(spec.netns.nsmode.as_str(), "host" | "none") && !spec.portmappings.is_empty() {
            spec.portmappings.clear();
            plan.remarks.push(format!(
                "Port mappings have been discarded because {:?} network namespace mode does not support them",
                spec.netns.nsmode
            ));
        }
        Ok(())
    }
}

fn volume_name(volume: &crate::objects::Volume) -> Option<&str> {
    if let Some(claim) = &volume.persistent_volume_claim {
        return Some(&claim.claim_name);
    }
    if let Some(map) = &volume.config_map {
        return Some(&map.name);
    }
    volume.secret.as_ref().map(|secret| secret.secret_name.as_str())
}

fn check_reserved(annotations: &StringMap) -> Result<()> {
    if annotations.contains_key(annotations::VOLUMES_FROM) {
        bail!("annotation {} without target volume is reserved for internal use", annotations::VOLUMES_FROM);
    }
    for (key, value) in annotations {
        let asks = key == annotations::SDNOTIFY || key.starts_with(&format!("{}/", annotations::SDNOTIFY));
        if asks && value != "ignore" {
            return Err(KubeError {
                kind: cove_api::ErrorKind::Unsupported,
                ..KubeError::new(format!("annotation {key}={value} is not supported"))
            });
        }
    }
    Ok(())
}

fn restart_policy(text: &str) -> Result<&'static str> {
    Ok(match text {
        "" | "Always" => "always",
        "OnFailure" => "on-failure",
        "Never" => "no",
        other => bail!("unknown restartPolicy {other:?}: Always, OnFailure or Never"),
    })
}

fn host_aliases(written: &Written, no_hosts: bool) -> Result<Vec<String>> {
    if no_hosts && !written.host_aliases.is_empty() {
        bail!("HostAliases in yaml file will not work with --no-hosts");
    }
    let mut hosts = Vec::new();
    for alias in &written.host_aliases {
        for name in &alias.hostnames {
            hosts.push(host::add_host(&format!("{name}:{}", alias.ip))?);
        }
    }
    Ok(hosts)
}

/// The folder in which an image's build file is looked for: the last part of its name, without tag and digest.
#[must_use]
pub fn image_folder(image: &str) -> Option<&str> {
    let name = image.rsplit('/').next().unwrap_or_default();
    let name = name.split([':', '@']).next().unwrap_or_default();
    (!matches!(name, "" | "." | "..")).then_some(name)
}

/// When an image is pulled: as the file says, else newer ones of `latest` and only missing ones of other tags. A name
/// without a registry is one of the store.
///
/// # Errors
/// There is no such policy.
pub fn image_policy(image: &str, text: &str) -> Result<PullPolicy> {
    if !text.is_empty() {
        return Ok(match policy::pull(text)? {
            policy::PullPolicy::Always => PullPolicy::Always,
            policy::PullPolicy::Missing => PullPolicy::Missing,
            policy::PullPolicy::Never => PullPolicy::Never,
            policy::PullPolicy::Newer => PullPolicy::Newer,
        });
    }
    let (first, rest) = image.split_once('/').unwrap_or(("", image));
    let with_registry = first.contains(['.', ':']) || first == "localhost";
    let tag = rest.rsplit('/').next().unwrap_or_default();
    let latest = !tag.contains('@') && tag.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    Ok(if with_registry && latest { PullPolicy::Newer } else { PullPolicy::Missing })
}
