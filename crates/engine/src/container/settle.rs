//! What a new container names of this machine is found, and what cannot be kept on it refused.

use cove_api::{ContainerSpec, Error, Result};
use cove_runtime::oci::Limits;

use crate::container::{notify, storage};
use crate::engine::Core;
use crate::event::JOURNAL;
use crate::state::{ContainerConfig, LogDriver, MountKind, NetworkMode};

/// Finds on this machine what the configuration names, and refuses what cannot be kept here.
pub(super) fn settle(
    core: &Core,
    id: &str,
    spec: &ContainerSpec,
    config: &mut ContainerConfig,
) -> Result<()> {
    config.runtime = core.oci_runtime(&spec.oci_runtime)?.path.to_string_lossy().into_owned();
    check_limits(core, &config.settings.limits)?;
    check_log(config)?;
    check_settings(core, config, &spec.selinux_opts)?;
    notify::check(config)?;
    image_mounts(core, config)?;
    storage::check(&config.mounts, &spec.create_bind_sources)?;
    check_networks(core, id, &spec.hostname, config)
}

/// The images that are mounted, which must be in the store.
fn image_mounts(core: &Core, config: &mut ContainerConfig) -> Result<()> {
    for mount in config.mounts.iter_mut().filter(|mount| mount.kind == MountKind::Image) {
        let found = crate::image::lookup::find_image(core, &mount.source, [""; 3])
            .map_err(|error| error.context(format!("image mount {}", mount.destination)))?;
        mount.image = found.image.id;
    }
    Ok(())
}

/// What cannot be kept here besides limits is an error as well.
fn check_settings(core: &Core, config: &ContainerConfig, labels: &[String]) -> Result<()> {
    if config.settings.cgroup.split
        && let cove_runtime::cgroup::CgroupMode::Disabled { reason, .. } = core.cgroup()
    {
        return Err(Error::unsupported(format!("the cgroups mode \"split\" cannot be kept: {reason}")));
    }
    if core.options.rootless && !config.settings.device_rules.is_empty() {
        return Err(Error::invalid(
            "device cgroup rules are not supported in rootless mode or in a user namespace",
        ));
    }
    if let Some(label) = labels.iter().find(|label| !matches!(label.as_str(), "disable" | "nested"))
        && std::path::Path::new("/sys/fs/selinux/enforce").exists()
    {
        return Err(Error::unsupported(format!(
            "label={label}: labels of SELinux, which this machine has, are not supported yet: use label=disable"
        )));
    }
    if config.settings.intel_rdt.is_some() && !std::path::Path::new("/sys/fs/resctrl/schemata").exists() {
        return Err(Error::unsupported(
            "a class of Intel RDT cannot be kept: no file system of resource control is mounted at /sys/fs/resctrl",
        ));
    }
    Ok(())
}

/// A limit that cannot be kept here is an error, never dropped.
pub(crate) fn check_limits(core: &Core, limits: &Limits) -> Result<()> {
    let Limits { memory, cpu, pids, block_io, unified, .. } = limits;
    let mode = core.cgroup();
    if cpu.realtime_runtime.is_some() || cpu.realtime_period.is_some() {
        return Err(Error::unsupported(
            "a limit of real-time scheduling cannot be kept: cgroups of version 2 have none",
        ));
    }
    let files = unified.keys().map(|file| file.split_once('.').map_or(file.as_str(), |(name, _)| name));
    let wanted = [
        ("memory", *memory != Default::default()),
        ("cpu", cpu.shares.is_some() || cpu.quota.is_some()),
        ("cpuset", !cpu.cpus.is_empty() || !cpu.mems.is_empty()),
        ("pids", pids.is_some_and(|limit| limit > 0)),
        ("io", *block_io != Default::default()),
    ];
    for (controller, asked) in wanted.into_iter().chain(files.map(|controller| (controller, true))) {
        if asked && !mode.has(controller) {
            let why = match mode {
                cove_runtime::cgroup::CgroupMode::Disabled { reason, .. } => reason.clone(),
                _ => format!("the cgroup controller {controller:?} is not available"),
            };
            return Err(Error::unsupported(format!("the {controller} limit cannot be kept: {why}")));
        }
    }
    Ok(())
}

/// Where there is no journal, nothing can be kept in it.
fn check_log(config: &ContainerConfig) -> Result<()> {
    if config.log.driver == LogDriver::Journald && !std::path::Path::new(JOURNAL).exists() {
        return Err(Error::unsupported(format!(
            "the log driver \"journald\" is not supported here: this host has no {}",
            JOURNAL
        )));
    }
    Ok(())
}

/// Networks must exist; aliases and so on are checked when they are set up. Ids become names.
fn check_networks(core: &Core, id: &str, hostname: &str, config: &mut ContainerConfig) -> Result<()> {
    if config.network != NetworkMode::Bridge {
        return Ok(());
    }
    let mut known = std::collections::BTreeMap::new();
    let default = core.options.containers.network.default_network.as_deref().unwrap_or("podman");
    for (name, options) in &config.networks {
        // Docker's name for its default network.
        let name = if name == "default" { default } else { name };
        let network = core.networks()?.inspect(name)?;
        let mut options = options.clone();
        // Names that the name servers of the network answer.
        for alias in [crate::name::short(id), hostname] {
            if !alias.is_empty() && !options.aliases.iter().any(|known| known == alias) {
                options.aliases.push(alias.to_owned());
            }
        }
        known.insert(network.name, options);
    }
    config.networks = known;
    Ok(())
}
