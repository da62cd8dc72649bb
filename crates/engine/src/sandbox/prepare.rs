//! Everything but the start itself.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cove_api::{Error, Result};
use cove_runtime::oci::{ExecInput, exec_process};
use cove_runtime::{HealthOptions, LaunchOptions, LogConfig, StreamOptions};
use cove_storage::{ContainerMountOptions, ContainerOptions, StorageError};
use oci_spec::runtime::Spec;

use super::plan::{Plan, PlannedHealth, Prepared};
use super::{bundle, idmap, network, overlay};
use crate::error::storage;
use crate::parts::Parts;
use crate::state::make_private;

/// Mounts, network, files, bundle, and a monitor that waits. After an error [`super::release`] gives back what there
/// is already.
pub(crate) fn prepare(parts: &Parts, mut plan: Plan<'_>) -> Result<Prepared> {
    let passed = std::mem::take(&mut plan.descriptors);
    let plan = &plan;
    make_private(&plan.folder)?;
    overlay::begin(plan)?;
    let mountpoint = changed_root(parts, plan)?;
    let (network, sockets) = network::connect(parts, plan)?;
    let (changed_volumes, oci) = bundle::write(parts, plan, &network, &mountpoint)?;
    let mut options = launch_options(parts, plan, passed, sockets)?;
    options.health = plan.health.as_ref().map(|planned| health_options(parts, planned, &oci)).transpose()?;
    let launch = parts.runtime()?.launch(options)?;
    Ok(Prepared { launch, mountpoint, network, changed_volumes })
}

/// Mounts the root file system; a directory of the user's perhaps below a layer of its own, or with mapped owners.
fn changed_root(parts: &Parts, plan: &Plan<'_>) -> Result<PathBuf> {
    let config = plan.config;
    let real = mount_root(parts, plan.id, plan.layer.as_ref(), config.rootfs.as_deref())?;
    if plan.layer.is_none() && !config.rootfs_idmap.is_empty() {
        let (users, groups) = idmap::ranges(&config.rootfs_idmap, &config.userns)?;
        return reachable(plan, overlay::mapped_root(plan, &real, &users, &groups)?);
    }
    if config.pause && !config.userns.users.is_empty() {
        return reachable(plan, overlay::bound_root(plan, &real)?);
    }
    if plan.layer.is_none() && config.rootfs_overlay {
        return reachable(plan, overlay::mount(parts, plan, "root", &real, &[])?);
    }
    Ok(real)
}

/// Mounts the root file system: the layer called `id`, which is made where there is none, or the directory `rootfs`.
pub(crate) fn mount_root(
    parts: &Parts,
    id: &str,
    layer: Option<&ContainerOptions>,
    rootfs: Option<&Path>,
) -> Result<PathBuf> {
    let Some(options) = layer else {
        let rootfs = rootfs.unwrap_or(Path::new(""));
        return std::fs::canonicalize(rootfs)
            .map_err(|error| Error::from(error).context(format!("root file system {}", rootfs.display())));
    };
    let store = parts.store()?;
    match store.mount_container(id, &ContainerMountOptions::default()) {
        Ok(path) => Ok(path),
        Err(StorageError::ContainerNotFound(_)) => {
            store.create_container(options.clone()).map_err(storage)?;
            store.mount_container(id, &ContainerMountOptions::default()).map_err(storage)
        }
        Err(error) => Err(storage(error)),
    }
}

/// Health checks with their processes: those of the container with another command.
pub(crate) fn health_options(
    parts: &Parts,
    planned: &PlannedHealth,
    container: &Spec,
) -> Result<HealthOptions> {
    let process = |command: &Vec<String>| {
        exec_process(&ExecInput {
            container,
            args: command.clone(),
            env: Vec::new(),
            cwd: None,
            user: None,
            cap_add: &[],
            privileged: false,
            terminal: false,
            host: parts.host_facts(),
        })
    };
    Ok(HealthOptions {
        plan: planned.monitor.clone(),
        check: process(&planned.check)?,
        startup: planned.startup.as_ref().map(process).transpose()?,
    })
}

/// A root file system in the folder, to which the container's own root can get.
fn reachable(plan: &Plan<'_>, path: PathBuf) -> Result<PathBuf> {
    let userns = &plan.config.userns;
    if !userns.users.is_empty() {
        let (uid, _) = userns.to_host(0, 0)?;
        cove_storage::make_reachable(&path, Some(uid)).map_err(storage)?;
    }
    Ok(path)
}

/// `held` are sockets that reserve its published ports as long as they are open.
fn launch_options(
    parts: &Parts,
    plan: &Plan<'_>,
    passed: Vec<OwnedFd>,
    held: Vec<OwnedFd>,
) -> Result<LaunchOptions> {
    let config = plan.config;
    let mut descriptors = Vec::new();
    if matches!(plan.log, LogConfig::Passthrough) {
        for standard in [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()] {
            descriptors.push(standard.try_clone_to_owned()?);
        }
    }
    descriptors.extend(passed);
    let parent = config.settings.cgroup.parent.as_deref();
    Ok(LaunchOptions {
        id: plan.id.to_owned(),
        oci_runtime: plan.oci_runtime.clone(),
        bundle: plan.folder.clone(),
        restore: plan.restore.clone(),
        streams: StreamOptions {
            terminal: config.settings.terminal,
            stdin: config.stdin,
            stdin_once: false,
            size: None,
            log: plan.log.clone(),
            descriptors,
            held,
        },
        exit_command: plan.exit_command.clone(),
        health: None,
        notify: plan.notify.clone(),
        timeout: (config.timeout > 0).then(|| Duration::from_secs(u64::from(config.timeout))),
        no_pivot: parts.options.containers.engine.no_pivot_root == Some(true),
        monitor_cgroup: None,
        container_cgroup: plan.cgroup.as_ref().unwrap_or(parts.cgroup()).container_path(plan.id, parent).1,
        cgroup: plan.cgroup.clone(),
    })
}
