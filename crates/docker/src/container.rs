//! Docker's create body, turned into a [`ContainerSpec`].
//!
//! Docker's clients send every field, most of them empty; what asks for something that is not done was refused when the
//! body was read. What a value may be is for the engine to say, for all ways in.

use cove_api::{
    BlockIo, ContainerSpec, CpuLimits, Device, Error, ExposedPort, HealthConfig, MemoryLimits, Mount,
    NamedVolume, Namespace, PerNetworkOptions, PidsLimit, PortMapping, Resources, Result, Rlimit,
};
use cove_spec::volume::HostPaths;

use crate::container_body::{
    CreateBody, DeviceRequest, DockerDevice, DockerMount, Endpoint, HostConfig, NetworkingConfig, Set,
    ThrottleDevice, Ulimit,
};

/// Turns the body into a spec.
///
/// # Errors
/// A value is none, or asks for what is not done.
pub fn container_spec(body: CreateBody) -> Result<ContainerSpec> {
    if body.image.is_empty() {
        return Err(Error::invalid("Config.Image is empty: an image is needed"));
    }
    let mut spec = ContainerSpec {
        raw_image_name: body.image.clone(),
        image: body.image,
        hostname: body.hostname,
        user: body.user,
        terminal: Some(body.tty),
        stdin: Some(body.open_stdin),
        command: body.cmd.unwrap_or_default().0,
        // Docker sends null for the image's and [""] to clear it.
        entrypoint: body
            .entrypoint
            .map(|words| words.0.into_iter().filter(|word| !word.is_empty()).collect()),
        work_dir: body.working_dir,
        labels: body.labels,
        stop_timeout: body.stop_timeout.map(forever),
        healthconfig: body.healthcheck.map(healthcheck),
        ..ContainerSpec::default()
    };
    for entry in body.env {
        match entry.split_once('=') {
            Some((key, value)) => drop(spec.env.insert(key.to_owned(), value.to_owned())),
            // Docker removes the image's variable so.
            None => spec.unsetenv.push(entry),
        }
    }
    if !body.stop_signal.is_empty() {
        spec.stop_signal = Some(cove_api::signal::parse(&body.stop_signal).map_err(invalid)?);
    }
    for port in exposed(&body.exposed_ports)? {
        let protocols = spec.expose.entry(port.port).or_default();
        if !protocols.is_empty() {
            protocols.push(',');
        }
        protocols.push_str(port.protocol.as_str());
    }
    volumes(&mut spec, &body.volumes, &body.host_config.binds)?;
    mounts(&mut spec, &body.host_config)?;
    networks(&mut spec, &body.host_config, body.networking_config)?;
    host(&mut spec, body.host_config)?;
    Ok(spec)
}

/// Ports, and ranges of them (`7000-7002/udp`).
fn exposed(ports: &Set) -> Result<Vec<ExposedPort>> {
    let mut all = Vec::new();
    for text in ports.keys() {
        let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let parsed =
            range.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
        match parsed {
            Some((first, last)) if 0u16 < first && first <= last => {
                for port in first..=last {
                    all.push(format!("{port}/{protocol}").parse()?);
                }
            }
            // What is no range is refused by its own text.
            _ => all.push(text.parse()?),
        }
    }
    Ok(all)
}

/// In Docker's check a time of 0 is the usual one.
fn healthcheck(mut check: HealthConfig) -> HealthConfig {
    if !check.test.is_empty() && check.interval == 0 {
        check.interval = cove_spec::health::INTERVAL;
    }
    check
}

/// Docker's times: a negative one waits for ever, which is a very long time here.
#[must_use]
pub fn forever(seconds: i64) -> u32 {
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

fn invalid(error: impl Into<Error>) -> Error {
    error.into()
}

fn paths() -> HostPaths {
    // Docker's clients send absolute paths of the engine's host.
    HostPaths { current_folder: "/".into(), windows: false, rootless: false }
}

fn volumes(spec: &mut ContainerSpec, anonymous: &Set, binds: &[String]) -> Result<()> {
    let parsed = cove_spec::volume::parse_all(binds, &[], &[], &paths()).map_err(invalid)?;
    let bound = parsed.mounts.iter().filter(|mount| mount.kind == "bind");
    spec.create_bind_sources.extend(bound.map(|mount| mount.source.clone()));
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

fn mounts(spec: &mut ContainerSpec, host: &HostConfig) -> Result<()> {
    for mount in &host.mounts {
        let destination = cove_spec::volume::container_path(&mount.target).map_err(invalid)?;
        match mount.kind.as_str() {
            "bind" => {
                let bind = bind_mount(mount, destination)?;
                if mount.bind_options.create_mountpoint {
                    spec.create_bind_sources.push(bind.source.clone());
                }
                spec.mounts.push(bind);
            }
            "volume" => spec.volumes.push(volume_mount(mount, destination)),
            "tmpfs" => spec.mounts.push(tmpfs_mount(mount, destination)),
            "image" => spec.image_volumes.push(cove_api::ImageVolume {
                source: mount.source.clone(),
                destination,
                read_write: !mount.read_only,
                sub_path: mount.image_options.subpath.clone(),
            }),
            other => {
                let message = format!("mounts of type {other:?} are not supported by this version");
                return Err(Error::unsupported(message));
            }
        }
    }
    for (path, options) in &host.tmpfs {
        let text = if options.is_empty() { path.clone() } else { format!("{path}:{options}") };
        spec.mounts.push(cove_spec::volume::parse_tmpfs(&text).map_err(invalid)?);
    }
    Ok(())
}

fn access(mount: &DockerMount) -> Vec<String> {
    if mount.read_only { vec!["ro".to_owned()] } else { Vec::new() }
}

fn bind_mount(mount: &DockerMount, destination: String) -> Result<Mount> {
    let mut options = access(mount);
    options.push(if mount.bind_options.non_recursive { "bind" } else { "rbind" }.to_owned());
    if !mount.bind_options.propagation.is_empty() {
        options.push(mount.bind_options.propagation.clone());
    }
    let source = cove_spec::volume::host_path(&mount.source, &paths()).map_err(invalid)?;
    Ok(Mount { destination, kind: "bind".into(), source, options })
}

fn volume_mount(mount: &DockerMount, dest: String) -> NamedVolume {
    let mut options = access(mount);
    if mount.volume_options.no_copy {
        options.push("nocopy".to_owned());
    }
    NamedVolume {
        is_anonymous: mount.source.is_empty(),
        name: mount.source.clone(),
        dest,
        options,
        sub_path: mount.volume_options.subpath.clone(),
    }
}

fn tmpfs_mount(mount: &DockerMount, destination: String) -> Mount {
    let mut options = access(mount);
    if mount.tmpfs_options.size_bytes > 0 {
        options.push(format!("size={}", mount.tmpfs_options.size_bytes));
    }
    if mount.tmpfs_options.mode > 0 {
        options.push(format!("mode={:o}", mount.tmpfs_options.mode));
    }
    Mount { destination, kind: "tmpfs".into(), source: "tmpfs".into(), options }
}

fn networks(spec: &mut ContainerSpec, host: &HostConfig, networking: NetworkingConfig) -> Result<()> {
    for (port, bindings) in &host.port_bindings {
        let ExposedPort { port: container_port, protocol } = port.parse()?;
        for binding in bindings {
            let host_port = match binding.host_port.as_str() {
                "" => 0,
                text => text.parse().map_err(|_| Error::invalid(format!("HostPort {text:?} is no port")))?,
            };
            let (host_ip, protocol) = (binding.host_ip.clone(), protocol.to_string());
            spec.portmappings.push(PortMapping { host_ip, container_port, host_port, range: 1, protocol });
        }
    }
    if host.publish_all_ports {
        spec.publish_image_ports = Some(true);
    }
    let mut endpoints = networking.endpoints_config;
    match host.network_mode.as_str() {
        // Also for ordinary users, whose containers could not be connected to another network otherwise; Podman's
        // service does so, too. A default that the administrator has chosen holds.
        "" | "default" => spec.netns = Namespace { nsmode: "default".into(), value: "bridge".into() },
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
        spec.networks.insert(name, network_options(endpoint)?);
    }
    Ok(())
}

/// What a container asks of a network.
///
/// # Errors
/// A link-local address is none.
pub fn network_options(endpoint: Endpoint) -> Result<PerNetworkOptions> {
    let ipam = endpoint.ipam_config;
    let mut static_ips: Vec<String> =
        [ipam.ipv4, ipam.ipv6].into_iter().filter(|ip| !ip.is_empty()).collect();
    for text in &ipam.link_local_ips {
        static_ips.push(cove_spec::network::link_local(text).map_err(invalid)?);
    }
    Ok(PerNetworkOptions {
        static_ips,
        aliases: endpoint.aliases,
        static_mac: endpoint.mac_address,
        ..PerNetworkOptions::default()
    })
}

/// A mode as `host`, `private`, `container:NAME`.
fn namespace(text: &str) -> Namespace {
    match text.split_once(':') {
        Some(("container", name)) => Namespace { nsmode: "container".into(), value: name.to_owned() },
        _ => Namespace::new(text),
    }
}

fn host(spec: &mut ContainerSpec, host: HostConfig) -> Result<()> {
    let limits = Limits::of(&host)?;
    block_devices(spec, &host);
    for rule in &host.device_cgroup_rules {
        spec.device_cgroup_rule.push(cove_spec::device::cgroup_rule(rule).map_err(invalid)?);
    }
    cove_spec::security::apply_options(host.security_opt.iter().map(String::as_str), spec)
        .map_err(invalid)?;
    match host.masked_paths {
        // `systempaths=unconfined`.
        Some(paths) if paths.is_empty() => spec.unmask.push("ALL".to_owned()),
        Some(paths) => spec.mask.extend(paths),
        None => {}
    }
    spec.restart_policy = host.restart_policy.name;
    spec.restart_tries = Some(host.restart_policy.maximum_retry_count).filter(|tries| *tries > 0);
    if !host.log_config.kind.is_empty() {
        let options: Vec<String> =
            host.log_config.config.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let log = cove_spec::policy::log(Some(&host.log_config.kind), options.iter().map(String::as_str));
        spec.log_configuration = Some(log.map_err(invalid)?);
    }
    spec.remove = Some(host.auto_remove);
    spec.volumes_from = host.volumes_from;
    spec.cap_add = host.cap_add;
    spec.cap_drop = host.cap_drop;
    spec.cgroupns = namespace(&host.cgroupns_mode);
    spec.cgroup_parent = host.cgroup_parent;
    spec.dns_server = host.dns;
    spec.dns_option = host.dns_options;
    spec.dns_search = host.dns_search;
    spec.hostadd = host.extra_hosts;
    spec.groups = host.group_add;
    spec.ipcns = namespace(&host.ipc_mode);
    spec.pidns = namespace(&host.pid_mode);
    spec.utsns = namespace(&host.uts_mode);
    spec.userns = namespace(&host.userns_mode);
    spec.oom_score_adj = (host.oom_score_adj != 0).then_some(host.oom_score_adj);
    spec.privileged = Some(host.privileged);
    spec.read_only_filesystem = Some(host.readonly_rootfs);
    spec.shm_size = (host.shm_size != 0).then_some(host.shm_size);
    spec.sysctl = host.sysctls;
    spec.oci_runtime = host.runtime;
    spec.init = host.init;
    spec.annotations = host.annotations;
    spec.devices.extend(host.devices.into_iter().map(device));
    for request in host.device_requests {
        requested_devices(spec, request)?;
    }
    for limit in host.ulimits {
        spec.r_limits.push(rlimit(limit)?);
    }
    spec.resource_limits = limits.into_resources();
    Ok(())
}

/// `--gpus`, and devices by the names of their descriptions.
fn requested_devices(spec: &mut ContainerSpec, request: DeviceRequest) -> Result<()> {
    let DeviceRequest { driver, count, device_ids, capabilities, options: _ } = request;
    if driver == "cdi" {
        for name in &device_ids {
            spec.devices.push(cove_spec::device::to_spec(name).map_err(invalid)?);
        }
        return Ok(());
    }
    let are_gpus = capabilities.iter().flatten().any(|capability| capability == "gpu");
    if !are_gpus || !matches!(&*driver, "" | "nvidia" | "amd") {
        return Err(Error::unsupported(format!(
            "HostConfig.DeviceRequests: devices of the driver {driver:?} with capabilities {capabilities:?} are not supported: \
             only GPUs, and the driver cdi"
        )));
    }
    let names = match count {
        _ if !device_ids.is_empty() => device_ids,
        -1 => vec!["all".to_owned()],
        // They are numbered from 0 on.
        0..=64 => (0..count).map(|number| number.to_string()).collect(),
        count => return Err(Error::invalid(format!("invalid number {count} of GPUs"))),
    };
    if driver.is_empty() {
        spec.gpus.extend(names);
        return Ok(());
    }
    for name in names {
        let name = format!("{driver}.com/gpu={name}");
        spec.devices.push(cove_spec::device::to_spec(&name).map_err(invalid)?);
    }
    Ok(())
}

/// Weights and rates of block devices.
pub fn block_devices(spec: &mut ContainerSpec, host: &HostConfig) {
    spec.weight_device = host
        .blkio_weight_device
        .iter()
        .map(|device| {
            let weight = Some(device.weight);
            (device.path.clone(), cove_api::WeightDevice { weight, ..cove_api::WeightDevice::default() })
        })
        .collect();
    let rates = |devices: &[ThrottleDevice]| {
        let one = |device: &ThrottleDevice| {
            let rate = device.rate;
            (device.path.clone(), cove_api::ThrottleDevice { rate, ..cove_api::ThrottleDevice::default() })
        };
        devices.iter().map(one).collect()
    };
    spec.throttle_read_bps_device = rates(&host.blkio_device_read_bps);
    spec.throttle_write_bps_device = rates(&host.blkio_device_write_bps);
    spec.throttle_read_iops_device = rates(&host.blkio_device_read_iops);
    spec.throttle_write_iops_device = rates(&host.blkio_device_write_iops);
}

fn device(device: DockerDevice) -> Device {
    let DockerDevice { path_on_host, path_in_container, cgroup_permissions } = device;
    let path = [path_on_host, path_in_container, cgroup_permissions];
    let path = path.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(":");
    Device { path, ..Device::default() }
}

/// A limit of processes.
///
/// # Errors
/// It is negative, and not the -1 that stands for none.
pub fn rlimit(limit: Ulimit) -> Result<Rlimit> {
    let value = |number: i64| match number {
        // Unlimited.
        -1 => Ok(u64::MAX),
        number => u64::try_from(number).map_err(|_| {
            Error::invalid(format!("Ulimits: {} is {number}: it must be -1 (unlimited) or more", limit.name))
        }),
    };
    Ok(Rlimit { soft: value(limit.soft)?, hard: value(limit.hard)?, kind: limit.name })
}

/// The value of a limit: 0 is none; a negative one is refused by its name.
fn limit(name: &str, number: i64) -> Result<Option<u64>> {
    match u64::try_from(number) {
        Ok(0) => Ok(None),
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(Error::invalid(format!("{name} is {number}: it must not be negative"))),
    }
}

/// What a container may use.
#[derive(Debug)]
pub struct Limits {
    memory: MemoryLimits,
    cpu: CpuLimits,
    pids: Option<i64>,
    block_io: Option<BlockIo>,
}

impl Limits {
    /// Those that are said; 0 is none.
    ///
    /// # Errors
    /// One is negative.
    pub fn of(host: &HostConfig) -> Result<Self> {
        let mut cpu = CpuLimits {
            shares: limit("CpuShares", host.cpu_shares)?,
            quota: (host.cpu_quota != 0).then_some(host.cpu_quota),
            period: limit("CpuPeriod", host.cpu_period)?,
            cpus: host.cpuset_cpus.clone(),
            mems: host.cpuset_mems.clone(),
            realtime_runtime: (host.cpu_realtime_runtime != 0).then_some(host.cpu_realtime_runtime),
            realtime_period: limit("CpuRealtimePeriod", host.cpu_realtime_period)?,
            ..CpuLimits::default()
        };
        if let Some(nano_cpus) = limit("NanoCpus", host.nano_cpus)? {
            cpu.period = Some(100_000);
            // At most a hundred-thousandth of an i64 after the division.
            cpu.quota = Some((nano_cpus / 10_000) as i64);
        }
        // Docker's command line sends -1 for "as the kernel has it".
        let swappiness = host.memory_swappiness.filter(|value| *value != -1);
        let memory = MemoryLimits {
            limit: (host.memory != 0).then_some(host.memory),
            reservation: (host.memory_reservation != 0).then_some(host.memory_reservation),
            swap: (host.memory_swap != 0).then_some(host.memory_swap),
            swappiness: match swappiness {
                Some(0) => Some(0),
                Some(value) => limit("MemorySwappiness", value)?,
                None => None,
            },
            disable_oom_killer: host.oom_kill_disable.then_some(true),
            ..MemoryLimits::default()
        };
        let weight = Some(host.blkio_weight).filter(|weight| *weight != 0);
        let block_io = weight.map(|weight| BlockIo { weight: Some(weight), ..BlockIo::default() });
        Ok(Self { memory, cpu, pids: host.pids_limit.filter(|limit| *limit != 0), block_io })
    }

    /// The same in the OCI's terms; [`None`] where nothing is limited.
    #[must_use]
    pub fn into_resources(self) -> Option<Resources> {
        let resources = Resources {
            memory: (self.memory != MemoryLimits::default()).then_some(self.memory),
            cpu: (self.cpu != CpuLimits::default()).then_some(self.cpu),
            pids: self.pids.map(|limit| PidsLimit { limit }),
            block_io: self.block_io,
            ..Resources::default()
        };
        (resources != Resources::default()).then_some(resources)
    }
}

#[cfg(test)]
#[path = "container_tests.rs"]
mod tests;
