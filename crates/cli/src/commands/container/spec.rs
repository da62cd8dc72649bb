//! From the options of `run` and `create` to a container's specification.

use cove_api::{ContainerSpec, StringMap};
use cove_config::Environment;
use cove_spec::{
    device, environment, host, name, namespace, network, policy, port, resource, security, size, user, volume,
};

use super::spec_args::SpecArgs;
use crate::command_error::{CommandError, chain};
use crate::printer::Printer;

/// The annotation under which Podman keeps the path of the id file.
pub(crate) const CID_FILE: &str = "io.podman.annotations.cid-file";

/// What the specification needs to know besides the options.
pub(crate) struct Surroundings<'a> {
    /// For warnings.
    pub(crate) printer: &'a Printer,
    /// The user's environment.
    pub(crate) environment: &'a Environment,
    /// Containers run without root's rights.
    pub(crate) rootless: bool,
    /// The command line, for `inspect`.
    pub(crate) command_line: &'a [String],
}

impl From<cove_spec::Error> for CommandError {
    fn from(error: cove_spec::Error) -> Self {
        cove_api::Error::from(error).into()
    }
}

/// Builds the specification of a container of `image` that runs `command`.
///
/// # Errors
/// An option's value is wrong, or a file that it names cannot be read.
pub(crate) fn build(
    args: &SpecArgs,
    image: &str,
    command: &[String],
    around: &Surroundings<'_>,
) -> Result<ContainerSpec, CommandError> {
    let mut spec = ContainerSpec { command: command.to_vec(), ..Default::default() };
    let texts = |list: &[String]| -> Vec<String> { list.to_vec() };
    if args.rootfs {
        spec.rootfs = absolute(image)?;
    } else {
        image.clone_into(&mut spec.image);
        image.clone_into(&mut spec.raw_image_name);
    }
    container(args, &mut spec)?;
    process(args, &mut spec, around)?;
    files(args, &mut spec, around)?;
    networks(args, &mut spec, around)?;
    spec.cap_add = security::capabilities(refs(&args.cap_add))?;
    spec.cap_drop = security::capabilities(refs(&args.cap_drop))?;
    spec.privileged = flag(args.privileged);
    security::apply_options(refs(&args.security_opt), &mut spec)?;
    if let Some(mode) = &args.userns {
        spec.userns = namespace::user(mode)?;
    }
    if let Some(mode) = &args.pid {
        spec.pidns = namespace::pid(mode)?;
    }
    if let Some(mode) = &args.ipc {
        spec.ipcns = namespace::ipc(mode)?;
    }
    if let Some(mode) = &args.uts {
        spec.utsns = namespace::uts(mode)?;
    }
    if let Some(mode) = &args.cgroupns {
        spec.cgroupns = namespace::cgroup(mode)?;
    }
    spec.sysctl = host::sysctls(refs(&args.sysctl))?;
    for (given, name) in
        [(args.cpu_period.is_some(), "--cpu-period"), (args.cpu_quota.is_some(), "--cpu-quota")]
    {
        if given && args.cpus.is_some() {
            return Err(CommandError::other(format!("{name} and --cpus cannot be set together")));
        }
    }
    spec.resource_limits = resource::resources(&resource::ResourceFlags {
        memory: args.memory.clone(),
        memory_reservation: args.memory_reservation.clone(),
        memory_swap: args.memory_swap.clone(),
        memory_swappiness: args.memory_swappiness,
        oom_kill_disable: args.oom_kill_disable,
        cpus: args.cpus.clone(),
        cpu_shares: args.cpu_shares,
        cpu_period: args.cpu_period,
        cpu_quota: args.cpu_quota,
        cpuset_cpus: args.cpuset_cpus.clone(),
        cpuset_mems: args.cpuset_mems.clone(),
        pids_limit: args.pids_limit,
    })?;
    spec.r_limits = resource::ulimits(refs(&args.ulimit))?;
    spec.oom_score_adj = args.oom_score_adj;
    spec.cgroups_mode = args.cgroups.clone().unwrap_or_default();
    spec.cgroup_parent = args.cgroup_parent.clone().unwrap_or_default();
    spec.create_command = texts(around.command_line);
    Ok(spec)
}

fn container(args: &SpecArgs, spec: &mut ContainerSpec) -> Result<(), CommandError> {
    if let Some(text) = &args.name {
        let plain = text.strip_prefix('/').unwrap_or(text);
        if !plain.is_empty() {
            name::container(plain)?;
        }
        plain.clone_into(&mut spec.name);
    }
    spec.remove = flag(args.rm);
    for file in &args.label_file {
        spec.labels.extend(environment::label_file(&read(file)?, file)?);
    }
    spec.labels.extend(environment::labels(refs(&args.label))?);
    spec.annotations = environment::annotations(refs(&args.annotation))?;
    if let Some(file) = &args.cidfile {
        spec.annotations.insert(CID_FILE.to_owned(), absolute(file)?);
    }
    if let Some(text) = &args.restart {
        let restart = policy::restart(text)?;
        if args.rm && restart.policy != "no" && !restart.policy.is_empty() && restart.policy != "on-failure" {
            return Err(CommandError::other(
                "the --rm option conflicts with --restart, when the restartPolicy is not \"\" and \"no\"",
            ));
        }
        spec.restart_policy = restart.policy;
        spec.restart_tries = restart.tries;
    }
    spec.stop_signal = args.stop_signal.as_deref().map(super::signal).transpose()?;
    // A negative time means for ever, as in Docker; the largest number does.
    spec.stop_timeout = args.stop_timeout.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX));
    spec.timeout = args.timeout.unwrap_or(0);
    if let Some(mode) = args.systemd.as_deref().filter(|mode| !mode.eq_ignore_ascii_case("false")) {
        // Refused by engines that do not do it.
        spec.other.insert("systemd".into(), mode.into());
    }
    if args.log_driver.is_some() || !args.log_opt.is_empty() {
        spec.log_configuration = Some(policy::log(args.log_driver.as_deref(), refs(&args.log_opt))?);
    }
    Ok(())
}

fn process(args: &SpecArgs, spec: &mut ContainerSpec, around: &Surroundings<'_>) -> Result<(), CommandError> {
    spec.entrypoint = args.entrypoint.as_deref().map(policy::entrypoint);
    let own: Vec<(String, String)> =
        around.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut variables = StringMap::new();
    if args.env_host {
        variables.extend(own.iter().cloned());
        spec.env_host = Some(true);
    }
    for file in &args.env_file {
        variables.extend(environment::parse_file(&read(file)?, file, &own)?);
    }
    variables.extend(environment::parse(refs(&args.env), &own)?);
    spec.env = variables;
    spec.httpproxy = args.http_proxy;
    spec.unsetenv.clone_from(&args.unsetenv);
    spec.unsetenvall = flag(args.unsetenv_all);
    spec.terminal = Some(args.tty);
    spec.stdin = Some(args.interactive);
    if let Some(text) = &args.user {
        user::parse(text)?;
        text.clone_into(&mut spec.user);
    }
    for text in &args.group_add {
        user::group(text)?;
    }
    spec.groups.clone_from(&args.group_add);
    if let Some(folder) = &args.workdir {
        if !folder.starts_with('/') {
            return Err(CommandError::other(format!(
                "the working directory {folder:?} is invalid, it needs to be an absolute path"
            )));
        }
        folder.clone_into(&mut spec.work_dir);
    }
    spec.init = flag(args.init);
    spec.init_path = args.init_path.clone().unwrap_or_default();
    spec.timezone = args.tz.clone().unwrap_or_default();
    if let Some(mask) = &args.umask {
        if mask.len() > 4 || u32::from_str_radix(mask, 8).is_err() {
            return Err(CommandError::other(format!("invalid umask string {mask}: invalid argument")));
        }
        mask.clone_into(&mut spec.umask);
    }
    spec.passwd = args.passwd;
    Ok(())
}

fn files(args: &SpecArgs, spec: &mut ContainerSpec, around: &Surroundings<'_>) -> Result<(), CommandError> {
    let paths = volume::HostPaths {
        current_folder: std::env::current_dir()?,
        windows: cfg!(windows),
        rootless: around.rootless,
    };
    volume::parse_all(&args.volume, &args.mount, &args.tmpfs, &paths)?.apply(spec);
    spec.volumes_from.clone_from(&args.volumes_from);
    spec.read_only_filesystem = flag(args.read_only);
    spec.read_write_tmpfs = args.read_only_tmpfs;
    for text in &args.device {
        spec.devices.push(device::to_spec(text)?);
    }
    spec.shm_size = args.shm_size.as_deref().map(size::signed_bytes).transpose()?;
    spec.image_volume_mode = match args.image_volume.as_deref() {
        None => String::new(),
        Some("bind") => "anonymous".into(),
        Some(mode @ ("anonymous" | "tmpfs" | "ignore")) => mode.into(),
        Some(mode) => {
            return Err(CommandError::other(format!(
                "invalid image-volume type {mode:?}. Pick one of bind, tmpfs, or ignore"
            )));
        }
    };
    Ok(())
}

fn networks(
    args: &SpecArgs,
    spec: &mut ContainerSpec,
    around: &Surroundings<'_>,
) -> Result<(), CommandError> {
    network::parse(refs(&args.network))?
        .with_addresses(&network::AddressFlags {
            ip: args.ip.clone(),
            ip6: args.ip6.clone(),
            mac: args.mac_address.clone(),
            aliases: args.network_alias.clone(),
        })?
        .apply(spec);
    spec.portmappings = port::publish_all(refs(&args.publish))?;
    let without_ports = matches!(spec.netns.nsmode.as_str(), "host" | "none" | "container" | "path" | "ns");
    if without_ports && !spec.portmappings.is_empty() {
        around.printer.error_line(&format!(
            "Port mappings have been discarded because {:?} network namespace mode does not support them",
            spec.netns.nsmode
        ));
        spec.portmappings.clear();
    }
    spec.publish_image_ports = flag(args.publish_all);
    spec.expose = port::expose(refs(&args.expose))?;
    if let Some(text) = &args.hostname {
        name::hostname(text)?;
        text.clone_into(&mut spec.hostname);
    }
    if args.no_hosts && !args.add_host.is_empty() {
        return Err(CommandError::other("--no-hosts and --add-host cannot be set together"));
    }
    for text in &args.add_host {
        spec.hostadd.push(host::add_host(text)?);
    }
    spec.use_image_hosts = flag(args.no_hosts);
    if args.no_hostname {
        spec.other.insert("use_image_hostname".into(), true.into());
    }
    host::apply_dns(&args.dns, &args.dns_search, &args.dns_option, spec)?;
    Ok(())
}

fn flag(given: bool) -> Option<bool> {
    given.then_some(true)
}

fn refs(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter().map(String::as_str)
}

fn absolute(path: &str) -> Result<String, CommandError> {
    let path = std::path::absolute(path).map_err(|error| CommandError::other(format!("{path}: {error}")))?;
    path.into_os_string()
        .into_string()
        .map_err(|path| CommandError::other(format!("the path {} is not valid UTF-8", path.display())))
}

/// Most bytes of an environment or label file.
const LARGEST_FILE: u64 = 16 << 20;

fn read(path: &str) -> Result<String, CommandError> {
    use std::io::Read;
    let file = cove_sys::fs::File::open(path)
        .map_err(|error| CommandError::other(format!("open {path}: {}", chain(&error))))?;
    let mut text = String::new();
    file.take(LARGEST_FILE + 1)
        .read_to_string(&mut text)
        .map_err(|error| CommandError::other(format!("read {path}: {error}")))?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(CommandError::other(format!("{path}: larger than 16 MiB")));
    }
    Ok(text)
}
