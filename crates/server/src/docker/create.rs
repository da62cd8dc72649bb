//! Docker's create body, turned into a [`ContainerSpec`].
//!
//! Docker's clients send every field, most of them empty. A field that asks for something Cove does not do is refused
//! by name; an empty one is passed over.

use std::collections::BTreeMap;

use cove_api::{
    ContainerSpec, CpuLimits, Device, ExposedPort, LogConfig, MemoryLimits, Mount, NamedVolume, Namespace,
    PerNetworkOptions, PidsLimit, PortMapping, Resources, Rlimit, StringMap,
};
use cove_spec::volume::HostPaths;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Answer, ApiError};

/// The body of `POST /containers/create`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct CreateBody {
    image: String,
    hostname: String,
    user: String,
    tty: bool,
    open_stdin: bool,
    env: Option<Vec<String>>,
    cmd: Option<Words>,
    entrypoint: Option<Words>,
    working_dir: String,
    labels: Option<StringMap>,
    volumes: Option<Map<String, Value>>,
    exposed_ports: Option<Map<String, Value>>,
    stop_signal: Option<String>,
    stop_timeout: Option<u32>,
    host_config: HostConfig,
    networking_config: Option<NetworkingConfig>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// A command: a list, or one word.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Words {
    List(Vec<String>),
    One(String),
}

impl Words {
    fn into_list(self) -> Vec<String> {
        match self {
            Self::List(list) => list,
            Self::One(word) => vec![word],
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct HostConfig {
    binds: Option<Vec<String>>,
    mounts: Option<Vec<DockerMount>>,
    tmpfs: Option<StringMap>,
    log_config: Option<DockerLogConfig>,
    network_mode: String,
    port_bindings: Option<BTreeMap<String, Option<Vec<PortBinding>>>>,
    publish_all_ports: bool,
    restart_policy: Option<RestartPolicy>,
    auto_remove: bool,
    volumes_from: Option<Vec<String>>,
    cap_add: Option<Vec<String>>,
    cap_drop: Option<Vec<String>>,
    cgroupns_mode: String,
    cgroup_parent: String,
    dns: Option<Vec<String>>,
    dns_options: Option<Vec<String>>,
    dns_search: Option<Vec<String>>,
    extra_hosts: Option<Vec<String>>,
    group_add: Option<Vec<String>>,
    ipc_mode: String,
    pid_mode: String,
    #[serde(rename = "UTSMode")]
    uts_mode: String,
    userns_mode: String,
    oom_score_adj: i32,
    privileged: bool,
    readonly_rootfs: bool,
    security_opt: Option<Vec<String>>,
    shm_size: i64,
    sysctls: Option<StringMap>,
    runtime: String,
    cpu_shares: u64,
    memory: i64,
    memory_reservation: i64,
    memory_swap: i64,
    memory_swappiness: Option<i64>,
    nano_cpus: i64,
    cpu_period: u64,
    cpu_quota: i64,
    cpuset_cpus: String,
    cpuset_mems: String,
    devices: Option<Vec<DockerDevice>>,
    pids_limit: Option<i64>,
    ulimits: Option<Vec<Ulimit>>,
    init: Option<bool>,
    oom_kill_disable: Option<bool>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct DockerMount {
    #[serde(rename = "Type")]
    kind: String,
    source: String,
    target: String,
    read_only: bool,
    bind_options: Option<BindOptions>,
    tmpfs_options: Option<TmpfsOptions>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct BindOptions {
    propagation: String,
    create_mountpoint: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct TmpfsOptions {
    size_bytes: u64,
    mode: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct DockerLogConfig {
    #[serde(rename = "Type")]
    kind: String,
    config: Option<StringMap>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct PortBinding {
    host_ip: String,
    host_port: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct RestartPolicy {
    name: String,
    maximum_retry_count: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct DockerDevice {
    path_on_host: String,
    path_in_container: String,
    cgroup_permissions: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Ulimit {
    name: String,
    soft: i64,
    hard: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct NetworkingConfig {
    endpoints_config: Option<BTreeMap<String, Option<Endpoint>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Endpoint {
    aliases: Option<Vec<String>>,
    mac_address: String,
    #[serde(rename = "IPAMConfig")]
    ipam_config: Option<EndpointIpam>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EndpointIpam {
    #[serde(rename = "IPv4Address")]
    ipv4: String,
    #[serde(rename = "IPv6Address")]
    ipv6: String,
}

/// Fields that mean nothing to an engine, whatever their value.
const MEANINGLESS: &[&str] = &[
    "AttachStdin",
    "AttachStdout",
    "AttachStderr",
    "StdinOnce",
    "ArgsEscaped",
    "ConsoleSize",
    "ContainerIDFile",
    "Isolation",
    // Docker repeats its own defaults here.
    "MaskedPaths",
    "ReadonlyPaths",
];

/// Refuses the fields that ask for something.
fn refuse_others(other: &Map<String, Value>) -> Answer<()> {
    for (name, value) in other {
        if !MEANINGLESS.contains(&name.as_str()) && !is_nothing(value) {
            let message = format!("{name} is not supported by this version");
            return Err(cove_api::Error::unsupported(message).into());
        }
    }
    Ok(())
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        // -1 is Docker's "as the kernel has it".
        Value::Number(number) => number.as_i64().is_some_and(|number| number == 0 || number == -1),
        Value::String(text) => text.is_empty() || text == "default",
        Value::Array(list) => list.iter().all(is_nothing),
        Value::Object(map) => map.values().all(is_nothing),
    }
}

/// Turns the body into a spec.
pub(super) fn container_spec(body: CreateBody) -> Answer<ContainerSpec> {
    refuse_others(&body.other)?;
    refuse_others(&body.host_config.other)?;
    if body.image.is_empty() {
        return Err(ApiError::invalid("Config.Image is empty: an image is needed"));
    }
    let mut spec = ContainerSpec {
        raw_image_name: body.image.clone(),
        image: body.image,
        hostname: body.hostname,
        user: body.user,
        terminal: Some(body.tty),
        stdin: Some(body.open_stdin),
        command: body.cmd.map(Words::into_list).unwrap_or_default(),
        // Docker sends null for the image's and [""] to clear it.
        entrypoint: body
            .entrypoint
            .map(|words| words.into_list().into_iter().filter(|word| !word.is_empty()).collect()),
        work_dir: body.working_dir,
        labels: body.labels.unwrap_or_default(),
        stop_timeout: body.stop_timeout,
        ..ContainerSpec::default()
    };
    for entry in body.env.unwrap_or_default() {
        match entry.split_once('=') {
            Some((key, value)) => drop(spec.env.insert(key.to_owned(), value.to_owned())),
            // Docker removes the image's variable so.
            None => spec.unsetenv.push(entry),
        }
    }
    if let Some(signal) = body.stop_signal.filter(|signal| !signal.is_empty()) {
        spec.stop_signal = Some(cove_api::signal::parse(&signal).map_err(invalid)?);
    }
    for port in body.exposed_ports.unwrap_or_default().keys() {
        let port: ExposedPort = port.parse()?;
        let protocols = spec.expose.entry(port.port).or_default();
        if !protocols.is_empty() {
            protocols.push(',');
        }
        protocols.push_str(port.protocol.as_str());
    }
    volumes(
        &mut spec,
        &body.volumes.unwrap_or_default(),
        body.host_config.binds.as_deref().unwrap_or_default(),
    )?;
    mounts(&mut spec, &body.host_config)?;
    networks(&mut spec, &body.host_config, body.networking_config)?;
    host(&mut spec, body.host_config)?;
    Ok(spec)
}

fn invalid(error: impl Into<cove_api::Error>) -> ApiError {
    ApiError(error.into())
}

fn paths() -> HostPaths {
    // Docker's clients send absolute paths of the engine's host.
    HostPaths { current_folder: "/".into(), windows: false, rootless: false }
}

fn volumes(spec: &mut ContainerSpec, anonymous: &Map<String, Value>, binds: &[String]) -> Answer<()> {
    let parsed = cove_spec::volume::parse_all(binds, &[], &[], &paths()).map_err(invalid)?;
    parsed.apply(spec);
    let taken: Vec<String> = spec
        .mounts
        .iter()
        .map(|mount| mount.destination.clone())
        .chain(spec.volumes.iter().map(|volume| volume.dest.clone()))
        .collect();
    for path in anonymous.keys().filter(|path| !taken.contains(path)) {
        let dest = cove_spec::volume::container_path(path).map_err(invalid)?;
        spec.volumes.push(NamedVolume { dest, is_anonymous: true, ..NamedVolume::default() });
    }
    Ok(())
}

fn mounts(spec: &mut ContainerSpec, host: &HostConfig) -> Answer<()> {
    for mount in host.mounts.iter().flatten() {
        refuse_others(&mount.other)?;
        let destination = cove_spec::volume::container_path(&mount.target).map_err(invalid)?;
        let mut options = Vec::new();
        if mount.read_only {
            options.push("ro".to_owned());
        }
        match mount.kind.as_str() {
            "bind" => {
                let bind = mount.bind_options.as_ref();
                if let Some(propagation) = bind.map(|bind| &bind.propagation).filter(|text| !text.is_empty())
                {
                    options.push(propagation.clone());
                }
                if bind.is_some_and(|bind| bind.create_mountpoint) {
                    return Err(cove_api::Error::unsupported(
                        "BindOptions.CreateMountpoint is not supported",
                    )
                    .into());
                }
                options.push("rbind".to_owned());
                let source = cove_spec::volume::host_path(&mount.source, &paths()).map_err(invalid)?;
                spec.mounts.push(Mount { destination, kind: "bind".into(), source, options });
            }
            "volume" => spec.volumes.push(NamedVolume {
                is_anonymous: mount.source.is_empty(),
                name: mount.source.clone(),
                dest: destination,
                options,
                sub_path: String::new(),
            }),
            "tmpfs" => {
                if let Some(tmpfs) = &mount.tmpfs_options {
                    if tmpfs.size_bytes > 0 {
                        options.push(format!("size={}", tmpfs.size_bytes));
                    }
                    if tmpfs.mode > 0 {
                        options.push(format!("mode={:o}", tmpfs.mode));
                    }
                }
                spec.mounts.push(Mount {
                    destination,
                    kind: "tmpfs".into(),
                    source: "tmpfs".into(),
                    options,
                });
            }
            other => {
                let message = format!("mounts of type {other:?} are not supported by this version");
                return Err(cove_api::Error::unsupported(message).into());
            }
        }
    }
    for (path, options) in host.tmpfs.iter().flatten() {
        let text = if options.is_empty() { path.clone() } else { format!("{path}:{options}") };
        spec.mounts.push(cove_spec::volume::parse_tmpfs(&text).map_err(invalid)?);
    }
    Ok(())
}

fn networks(spec: &mut ContainerSpec, host: &HostConfig, networking: Option<NetworkingConfig>) -> Answer<()> {
    for (port, bindings) in host.port_bindings.iter().flatten() {
        let ExposedPort { port: container_port, protocol } = port.parse()?;
        for binding in bindings.iter().flatten() {
            let host_port = match binding.host_port.as_str() {
                "" => 0,
                text => {
                    text.parse().map_err(|_| ApiError::invalid(format!("HostPort {text:?} is no port")))?
                }
            };
            let (host_ip, protocol) = (binding.host_ip.clone(), protocol.to_string());
            spec.portmappings.push(PortMapping { host_ip, container_port, host_port, range: 1, protocol });
        }
    }
    if host.publish_all_ports {
        spec.publish_image_ports = Some(true);
    }
    let mut endpoints = networking.and_then(|networking| networking.endpoints_config).unwrap_or_default();
    match host.network_mode.as_str() {
        "" | "default" => {}
        "bridge" => {
            spec.netns = Namespace::new("bridge");
            // Docker's default network goes by this name; ours is the engine's default.
            endpoints.remove("bridge");
        }
        "none" | "host" | "private" => {
            spec.netns = Namespace::new(host.network_mode.clone());
            endpoints.clear();
        }
        mode => match mode.split_once(':') {
            Some(("container", name)) => {
                spec.netns = Namespace { nsmode: "container".into(), value: name.to_owned() };
                endpoints.clear();
            }
            Some((name @ ("pasta" | "slirp4netns"), options)) => {
                spec.netns = Namespace::new(name);
                spec.network_options.insert(name.to_owned(), options.split(',').map(str::to_owned).collect());
            }
            _ if matches!(mode, "pasta" | "slirp4netns") => spec.netns = Namespace::new(mode),
            _ => {
                spec.netns = Namespace::new("bridge");
                endpoints.entry(mode.to_owned()).or_default();
            }
        },
    }
    endpoints.remove("default");
    for (name, endpoint) in endpoints {
        let endpoint = endpoint.unwrap_or_default();
        let ipam = endpoint.ipam_config.unwrap_or_default();
        let options = PerNetworkOptions {
            static_ips: [ipam.ipv4, ipam.ipv6].into_iter().filter(|ip| !ip.is_empty()).collect(),
            aliases: endpoint.aliases.unwrap_or_default(),
            static_mac: endpoint.mac_address,
            ..PerNetworkOptions::default()
        };
        spec.networks.insert(name, options);
    }
    Ok(())
}

/// A mode as `host`, `private`, `container:NAME`.
fn namespace(text: &str) -> Namespace {
    match text.split_once(':') {
        Some(("container", name)) => Namespace { nsmode: "container".into(), value: name.to_owned() },
        _ => Namespace::new(text),
    }
}

fn host(spec: &mut ContainerSpec, host: HostConfig) -> Answer<()> {
    cove_spec::security::apply_options(host.security_opt.iter().flatten().map(String::as_str), spec)
        .map_err(invalid)?;
    if let Some(policy) = host.restart_policy {
        spec.restart_policy = policy.name;
        spec.restart_tries = (policy.maximum_retry_count > 0).then_some(policy.maximum_retry_count);
    }
    if let Some(log) = host.log_config.filter(|log| !log.kind.is_empty()) {
        spec.log_configuration = Some(LogConfig {
            driver: log.kind,
            options: log.config.unwrap_or_default(),
            ..LogConfig::default()
        });
    }
    spec.remove = Some(host.auto_remove);
    spec.volumes_from = host.volumes_from.unwrap_or_default();
    spec.cap_add = host.cap_add.unwrap_or_default();
    spec.cap_drop = host.cap_drop.unwrap_or_default();
    spec.cgroupns = namespace(&host.cgroupns_mode);
    spec.cgroup_parent = host.cgroup_parent;
    spec.dns_server = host.dns.unwrap_or_default();
    spec.dns_option = host.dns_options.unwrap_or_default();
    spec.dns_search = host.dns_search.unwrap_or_default();
    spec.hostadd = host.extra_hosts.unwrap_or_default();
    spec.groups = host.group_add.unwrap_or_default();
    spec.ipcns = namespace(&host.ipc_mode);
    spec.pidns = namespace(&host.pid_mode);
    spec.utsns = namespace(&host.uts_mode);
    spec.userns = namespace(&host.userns_mode);
    spec.oom_score_adj = (host.oom_score_adj != 0).then_some(host.oom_score_adj);
    spec.privileged = Some(host.privileged);
    spec.read_only_filesystem = Some(host.readonly_rootfs);
    spec.shm_size = (host.shm_size > 0).then_some(host.shm_size);
    spec.sysctl = host.sysctls.unwrap_or_default();
    spec.oci_runtime = host.runtime;
    spec.init = host.init;
    for device in host.devices.unwrap_or_default() {
        let DockerDevice { path_on_host, path_in_container, cgroup_permissions } = device;
        let path = [path_on_host, path_in_container, cgroup_permissions];
        let path = path.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(":");
        spec.devices.push(Device { path, ..Device::default() });
    }
    for limit in host.ulimits.unwrap_or_default() {
        // -1 is unlimited, and u64::MAX is its bit pattern.
        spec.r_limits.push(Rlimit { kind: limit.name, soft: limit.soft as u64, hard: limit.hard as u64 });
    }
    let limits = Limits {
        memory: host.memory,
        reservation: host.memory_reservation,
        swap: host.memory_swap,
        swappiness: host.memory_swappiness.filter(|value| *value >= 0),
        oom_kill_disable: host.oom_kill_disable.unwrap_or_default(),
        nano_cpus: host.nano_cpus,
        cpu: CpuLimits {
            shares: (host.cpu_shares > 0).then_some(host.cpu_shares),
            quota: (host.cpu_quota != 0).then_some(host.cpu_quota),
            period: (host.cpu_period > 0).then_some(host.cpu_period),
            cpus: host.cpuset_cpus,
            mems: host.cpuset_mems,
        },
        pids: host.pids_limit.filter(|limit| *limit != 0),
    };
    spec.resource_limits = limits.into_resources();
    Ok(())
}

struct Limits {
    memory: i64,
    reservation: i64,
    swap: i64,
    swappiness: Option<i64>,
    oom_kill_disable: bool,
    nano_cpus: i64,
    cpu: CpuLimits,
    pids: Option<i64>,
}

impl Limits {
    fn into_resources(mut self) -> Option<Resources> {
        if self.nano_cpus > 0 {
            self.cpu.period = Some(100_000);
            self.cpu.quota = Some(self.nano_cpus / 10_000);
        }
        let memory = MemoryLimits {
            limit: (self.memory > 0).then_some(self.memory),
            reservation: (self.reservation > 0).then_some(self.reservation),
            swap: (self.swap != 0).then_some(self.swap),
            swappiness: self.swappiness.and_then(|value| u64::try_from(value).ok()),
            disable_oom_killer: self.oom_kill_disable.then_some(true),
        };
        let resources = Resources {
            memory: (memory != MemoryLimits::default()).then_some(memory),
            cpu: (self.cpu != CpuLimits::default()).then_some(self.cpu),
            pids: self.pids.map(|limit| PidsLimit { limit }),
            other: BTreeMap::new(),
        };
        (resources != Resources::default()).then_some(resources)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec(body: Value) -> Answer<ContainerSpec> {
        container_spec(serde_json::from_value(body).unwrap())
    }

    #[test]
    fn what_dockers_command_line_sends() {
        let spec = spec(json!({
            "Hostname": "", "Domainname": "", "User": "", "AttachStdin": false, "AttachStdout": true,
            "Tty": true, "OpenStdin": true, "StdinOnce": true, "Env": ["A=b", "GONE"], "Cmd": ["sh"], "Image": "img",
            "Volumes": {"/anon": {}}, "WorkingDir": "/w", "Entrypoint": null, "OnBuild": null, "Labels": {"l": "1"},
            "ExposedPorts": {"80/tcp": {}},
            "HostConfig": {
                "Binds": ["/host:/ctr:ro"], "NetworkMode": "bridge",
                "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]},
                "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}, "AutoRemove": true,
                "ConsoleSize": [24, 80], "MemorySwappiness": -1, "BlkioWeight": 0, "BlkioWeightDevice": [],
                "NanoCpus": 1_500_000_000, "Memory": 1048576, "PidsLimit": 0, "MaskedPaths": null, "Init": true
            },
            "NetworkingConfig": {"EndpointsConfig": {"bridge": {}}}
        }))
        .unwrap();
        assert_eq!(spec.command, ["sh"]);
        assert_eq!(spec.entrypoint, None);
        assert_eq!((spec.env["A"].as_str(), spec.unsetenv.as_slice()), ("b", &["GONE".to_owned()][..]));
        assert_eq!(spec.portmappings[0].host_port, 8080);
        assert_eq!((spec.mounts[0].source.as_str(), spec.volumes[0].dest.as_str()), ("/host", "/anon"));
        assert_eq!((spec.restart_policy.as_str(), spec.restart_tries), ("on-failure", Some(3)));
        let resources = spec.resource_limits.unwrap();
        assert_eq!(resources.cpu.unwrap().quota, Some(150_000));
        assert_eq!((resources.memory.unwrap().limit, resources.pids), (Some(1_048_576), None));
        assert!(spec.networks.is_empty());
    }

    #[test]
    fn what_is_not_done_is_refused_by_name() {
        for (body, name) in [
            (json!({"Image": "i", "HostConfig": {"BlkioWeight": 10}}), "BlkioWeight"),
            (json!({"Image": "i", "Healthcheck": {"Test": ["CMD", "x"]}}), "Healthcheck"),
            (
                json!({"Image": "i", "HostConfig": {"DeviceRequests": [{"Count": -1, "Driver": "nvidia"}]}}),
                "DeviceRequests",
            ),
            (json!({"Image": "i", "HostConfig": {"Mounts": [{"Type": "npipe", "Target": "/x"}]}}), "npipe"),
        ] {
            let error = spec(body).unwrap_err();
            assert!(error.0.message.contains(name), "{name}: {}", error.0.message);
        }
    }
}
