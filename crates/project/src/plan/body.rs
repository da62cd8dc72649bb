//! A service's container as the body that docker-compose sends for it, and what that means here.

use cove_api::wire::json;
use cove_api::{ContainerSpec, Error, Result};
use cove_compose::model::{Project, Service, ServiceNetwork, Ulimit};
use cove_docker::container_spec;
use serde_json::{Map, Value, json};

use super::limits;
use super::mounts::{self, Inherited};

/// What belongs to one container of a service.
#[derive(Debug, Clone)]
pub struct Instance<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its other names on the networks of the project.
    pub aliases: Vec<String>,
    /// All its labels.
    pub labels: cove_api::StringMap,
    /// Volumes of the container whose place it takes.
    pub inherited: &'a [Inherited],
}

/// The image of a service: its own, else the one that is built for it.
#[must_use]
pub fn image_name(project: &Project, service: &Service) -> String {
    if service.image.is_empty() {
        format!("{}-{}", project.name, service.name)
    } else {
        service.image.clone()
    }
}

/// The request that makes a container. References to other services (`service:NAME`) are resolved already.
///
/// # Errors
/// The service asks for what is not done; the message names it.
pub fn container(project: &Project, service: &Service, instance: &Instance<'_>) -> Result<ContainerSpec> {
    refuse(service)?;
    let body = body(project, service, instance)?;
    let at = |message: String| Error::invalid(format!("service {:?}: {message}", service.name));
    let body = json::decode(body.to_string().as_bytes()).map_err(|error| at(Error::from(error).message))?;
    let mut spec = container_spec(body)
        .map_err(|error| Error::new(error.kind, format!("service {:?}: {}", service.name, error.message)))?;
    instance.name.clone_into(&mut spec.name);
    if !service.platform.is_empty() {
        let mut parts = service.platform.splitn(3, '/').map(str::to_owned);
        spec.image_os = parts.next().unwrap_or_default();
        spec.image_arch = parts.next().unwrap_or_default();
        spec.image_variant = parts.next().unwrap_or_default();
    }
    Ok(spec)
}

/// What docker-compose hands to programs and engines that are not here.
fn refuse(service: &Service) -> Result<()> {
    let asked = [
        ("provider", service.provider.is_some()),
        ("models", !service.models.is_empty()),
        ("credential_spec", service.credential_spec.is_some()),
        ("use_api_socket", service.use_api_socket),
        ("external_links", !service.external_links.is_empty()),
        ("storage_opt", !service.storage_opt.is_empty()),
        ("domainname", !service.domainname.is_empty()),
    ];
    match asked.iter().find(|(_, asked)| *asked) {
        Some((key, _)) => {
            Err(Error::unsupported(format!("services.{}.{key} is not supported yet", service.name)))
        }
        None => Ok(()),
    }
}

fn body(project: &Project, service: &Service, instance: &Instance<'_>) -> Result<Value> {
    let mounts = mounts::mounts(project, service, instance.inherited)?;
    let (network_mode, endpoints) = networks(project, service, instance);
    let (security, unconfined) = security(project, service)?;
    let mut host = json!({
        "Annotations": service.annotations,
        "Binds": mounts.binds,
        "Mounts": mounts.mounts,
        "Tmpfs": tmpfs(service),
        "CapAdd": service.cap_add,
        "CapDrop": service.cap_drop,
        "NetworkMode": network_mode,
        "IpcMode": service.ipc,
        "PidMode": service.pid,
        "CgroupnsMode": service.cgroup,
        "UTSMode": service.uts,
        "UsernsMode": service.userns_mode,
        "ReadonlyRootfs": service.read_only,
        "RestartPolicy": limits::restart_policy(service),
        "ShmSize": service.shm_size.0,
        "Sysctls": service.sysctls,
        "PortBindings": port_bindings(service),
        "VolumeDriver": service.volume_driver,
        "VolumesFrom": service.volumes_from,
        "Dns": service.dns,
        "DnsSearch": service.dns_search,
        "DnsOptions": service.dns_opt,
        "ExtraHosts": service.extra_hosts.lines(':'),
        "SecurityOpt": security,
        "Privileged": service.privileged,
        "Isolation": service.isolation,
        "Runtime": service.runtime,
        "GroupAdd": service.group_add,
        "OomScoreAdj": service.oom_score_adj,
    });
    if let Some(init) = service.init {
        host["Init"] = init.into();
    }
    if unconfined {
        host["MaskedPaths"] = json!([]);
    }
    if let Some(logging) = &service.logging {
        host["LogConfig"] = json!({"Type": logging.driver, "Config": logging.options});
    }
    merge(&mut host, limits::resources(service)?);
    let mut body = json!({
        "Image": image_name(project, service),
        "Hostname": service.hostname,
        "User": service.user,
        "Tty": service.tty,
        "OpenStdin": service.stdin_open,
        "WorkingDir": service.working_dir,
        "Labels": instance.labels,
        "StopSignal": service.stop_signal,
        "Env": environment(service),
        "ExposedPorts": exposed(service),
        "HostConfig": host,
        "NetworkingConfig": {"EndpointsConfig": endpoints},
    });
    if let Some(command) = &service.command.0 {
        body["Cmd"] = json!(command);
    }
    if let Some(entrypoint) = &service.entrypoint.0 {
        // An empty one clears the image's.
        body["Entrypoint"] = if entrypoint.is_empty() { json!([""]) } else { json!(entrypoint) };
    }
    if let Some(period) = service.stop_grace_period {
        body["StopTimeout"] = period.to_std().as_secs().into();
    }
    if let Some(check) = health(service) {
        body["Healthcheck"] = check;
    }
    Ok(body)
}

fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}

/// `NAME=VALUE`; a name alone removes the image's variable.
fn environment(service: &Service) -> Vec<String> {
    let entry = |(name, value): (&String, &Option<String>)| match value {
        Some(value) => format!("{name}={value}"),
        None => name.clone(),
    };
    service.environment.iter().map(entry).collect()
}

fn tmpfs(service: &Service) -> Value {
    let entry = |text: &String| {
        let (path, options) = text.split_once(':').unwrap_or((text, ""));
        (path.to_owned(), Value::from(options))
    };
    Value::Object(service.tmpfs.iter().map(entry).collect())
}

fn health(service: &Service) -> Option<Value> {
    let check = service.healthcheck.as_ref()?;
    if check.disable {
        return Some(json!({"Test": ["NONE"]}));
    }
    let mut value = json!({});
    if !check.test.is_empty() {
        value["Test"] = json!(check.test);
    }
    for (key, duration) in [
        ("Interval", check.interval),
        ("Timeout", check.timeout),
        ("StartPeriod", check.start_period),
        ("StartInterval", check.start_interval),
    ] {
        if let Some(duration) = duration {
            value[key] = duration.0.into();
        }
    }
    if let Some(retries) = check.retries {
        value["Retries"] = retries.into();
    }
    Some(value)
}

fn exposed(service: &Service) -> Value {
    let published = service.ports.iter().map(|port| format!("{}/{}", port.target, protocol(&port.protocol)));
    let documented = service.expose.iter().cloned();
    Value::Object(published.chain(documented).map(|port| (port, json!({}))).collect())
}

fn protocol(text: &str) -> &str {
    if text.is_empty() { "tcp" } else { text }
}

fn port_bindings(service: &Service) -> Value {
    let mut bindings = Map::new();
    for port in &service.ports {
        let key = format!("{}/{}", port.target, protocol(&port.protocol));
        let list = bindings.entry(key).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(json!({"HostIp": port.host_ip, "HostPort": port.published}));
        }
    }
    Value::Object(bindings)
}

/// The mode, and the networks by the engine's names.
fn networks(project: &Project, service: &Service, instance: &Instance<'_>) -> (String, Value) {
    if !service.network_mode.is_empty() {
        return (service.network_mode.clone(), json!({}));
    }
    let keys = by_priority(service);
    let Some(first) = keys.first() else { return ("none".to_owned(), json!({})) };
    let name =
        |key: &str| project.networks.get(key).map_or_else(|| key.to_owned(), |network| network.name.clone());
    let endpoints = keys.iter().enumerate().map(|(at, key)| {
        let own = service.networks.get(*key).and_then(Option::as_ref);
        let mac = if at == 0 { service.mac_address.as_str() } else { "" };
        (name(key), endpoint(own, mac, instance))
    });
    (name(first), Value::Object(endpoints.collect()))
}

/// The keys of a service's networks: those with the highest priority first, then by name.
#[must_use]
pub fn by_priority(service: &Service) -> Vec<&str> {
    let mut keys: Vec<(i64, &str)> = service
        .networks
        .iter()
        .map(|(key, network)| (network.as_ref().map_or(0, |network| network.priority), key.as_str()))
        .collect();
    keys.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
    keys.into_iter().map(|(_, key)| key).collect()
}

fn endpoint(network: Option<&ServiceNetwork>, mac: &str, instance: &Instance<'_>) -> Value {
    let mut aliases = instance.aliases.clone();
    let mut value = json!({"MacAddress": mac});
    if let Some(network) = network {
        aliases.extend(network.aliases.iter().cloned());
        value["IPAMConfig"] = json!({
            "IPv4Address": network.ipv4_address,
            "IPv6Address": network.ipv6_address,
            "LinkLocalIPs": network.link_local_ips,
        });
        if !network.mac_address.is_empty() {
            value["MacAddress"] = network.mac_address.clone().into();
        }
        value["DriverOpts"] = json!(network.driver_opts);
        if !network.interface_name.is_empty() {
            value["DriverOpts"]["com.docker.network.endpoint.ifname"] = network.interface_name.clone().into();
        }
        value["GwPriority"] = network.gw_priority.into();
    }
    value["Aliases"] = json!(aliases);
    value
}

/// The options, and whether no path is masked. A seccomp profile's path is relative to the project.
fn security(project: &Project, service: &Service) -> Result<(Vec<String>, bool)> {
    let mut unconfined = false;
    let mut options = Vec::new();
    for option in &service.security_opt {
        if option == "systempaths=unconfined" {
            unconfined = true;
            continue;
        }
        let split = option.split_once('=').or_else(|| option.split_once(':'));
        if split.is_none() && option != "no-new-privileges" {
            return Err(Error::invalid(format!(
                "service {:?}: invalid security-opt: {option:?}",
                service.name
            )));
        }
        match split {
            Some(("seccomp", path)) if !matches!(path, "unconfined" | "builtin" | "default") => {
                let path = std::path::Path::new(&project.working_dir).join(path);
                options.push(format!("seccomp={}", path.display()));
            }
            _ => options.push(option.clone()),
        }
    }
    Ok((options, unconfined))
}

/// The limits of processes as Docker names them.
pub(super) fn ulimits(service: &Service) -> Value {
    let limit = |(name, limit): (&String, &Ulimit)| {
        let (soft, hard) = match limit {
            Ulimit::Single(both) => (*both, *both),
            Ulimit::Both { soft, hard } => (*soft, *hard),
        };
        json!({"Name": name, "Soft": soft, "Hard": hard})
    };
    Value::Array(service.ulimits.iter().map(limit).collect())
}
