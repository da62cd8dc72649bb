//! Preparing and starting a container, and supervising its run.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use cove_api::{ContainerState, Error, Result, Timestamp};
use cove_network::SetupOptions;
use cove_runtime::{Launch, LaunchOptions, LogConfig, Started, StreamOptions, Supervision};
use cove_storage::ContainerMountOptions;
use tokio::sync::watch;

use crate::container::lookup::Locked;
use crate::container::state::improper;
use crate::container::{bundle, cleanup, files};
use crate::engine::Core;
use crate::error::storage;
use crate::state::{ContainerRow, NetworkMode, RECORD_VERSION};

/// Starts a container; one that runs is no error.
pub(super) fn start(core: &Arc<Core>, name: &str) -> Result<()> {
    let Locked { mut row, lock: _lock } = core.locked_container(name)?;
    if row.state == ContainerState::Running {
        return Ok(());
    }
    if !row.state.can_start() {
        return Err(improper(format!(
            "container {} must be in Created or Stopped state to be started",
            row.id
        )));
    }
    row.status.stopped_by_user = false;
    row.status.restarts = 0;
    start_locked(core, &mut row)
}

/// Starts a container whose lock is held and whose state allows it.
pub(super) fn start_locked(core: &Arc<Core>, row: &mut ContainerRow) -> Result<()> {
    start_dependencies(core, row)?;
    let prepared = core.take_prepared(&row.id).filter(|_| row.state == ContainerState::Initialized);
    let launch = match prepared {
        Some(launch) => launch,
        None => prepare(core, row)?,
    };
    match launch.start() {
        Ok(started) => {
            note_started(core, row, &started)?;
            supervise(core, &row.id, started.supervision);
            Ok(())
        }
        Err(error) => {
            let error = Error::from(error);
            row.status.error.clone_from(&error.message);
            row.status.exit_code = match error.kind {
                cove_api::ErrorKind::CommandNotFound => 127,
                cove_api::ErrorKind::CommandNotExecutable => 126,
                _ => 125,
            };
            if let Err(second) = cleanup::undo(core, row) {
                tracing::warn!("cleaning up container {} after a failed start: {second}", row.id);
            }
            Err(error)
        }
    }
}

fn note_started(core: &Core, row: &mut ContainerRow, started: &Started) -> Result<()> {
    row.state = ContainerState::Running;
    row.status.pid = started.process.pid;
    row.status.pid_start = started.process.start_time;
    row.status.monitor_pid = started.monitor.pid;
    row.status.monitor_start = started.monitor.start_time;
    row.status.started_at = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default();
    row.status.finished_at = 0;
    row.status.exit_code = 0;
    row.status.oom_killed = false;
    row.status.ran = true;
    row.status.error.clear();
    core.save(row)?;
    core.tell("start", row);
    Ok(())
}

/// Containers whose namespaces it shares must run first.
fn start_dependencies(core: &Arc<Core>, row: &ContainerRow) -> Result<()> {
    for id in &row.config.dependencies {
        let mut needed = core.find_container(id)?;
        core.refresh(&mut needed)?;
        if needed.state.can_start() {
            start(core, id)
                .map_err(|error| error.context(format!("starting dependency {id} of {}", row.id)))?;
        }
    }
    Ok(())
}

/// Everything but the start itself: mounts, network, files, bundle, and a monitor that waits. On an error nothing is
/// left.
pub(super) fn prepare(core: &Arc<Core>, row: &mut ContainerRow) -> Result<Launch> {
    if matches!(row.state, ContainerState::Stopped | ContainerState::Initialized) || row.status.prepared {
        // What an earlier run or a command that died has left.
        drop(core.take_prepared(&row.id));
        cleanup::undo(core, row)?;
    }
    row.status.version = RECORD_VERSION;
    row.status.boot_id = core.boot_id().to_owned();
    match prepare_parts(core, row) {
        Ok(launch) => {
            core.tell("init", row);
            Ok(launch)
        }
        Err(error) => {
            if let Err(second) = cleanup::undo(core, row) {
                tracing::warn!("cleaning up container {} after a failed start: {second}", row.id);
            }
            Err(error)
        }
    }
}

fn prepare_parts(core: &Arc<Core>, row: &mut ContainerRow) -> Result<Launch> {
    // Noted before the first thing is made, so that a command that dies in between leaves nothing unknown.
    row.status.prepared = true;
    core.save(row)?;
    crate::state::make_private(&core.container_run_dir(&row.id))?;
    let log_dir = core.container_dir(&row.id);
    crate::state::make_private(&log_dir)?;
    let mountpoint = mount_root(core, row)?;
    row.status.mountpoint = mountpoint.to_string_lossy().into_owned();
    let sockets = set_up_network(core, row)?;
    let directory = bundle::write(core, row, &mountpoint)?;
    row.state = ContainerState::Initialized;
    core.save(row)?;
    let launch = core.runtime()?.launch(launch_options(core, row, directory, sockets)?)?;
    Ok(launch)
}

fn mount_root(core: &Core, row: &ContainerRow) -> Result<PathBuf> {
    let rootfs = &row.config.spec.rootfs;
    if !rootfs.is_empty() {
        return std::fs::canonicalize(rootfs)
            .map_err(|error| Error::from(error).context(format!("root file system {rootfs}")));
    }
    let store = core.store()?;
    match store.mount_container(&row.id, &ContainerMountOptions::default()) {
        Ok(path) => Ok(path),
        // A command that died between the two halves of `create`.
        Err(cove_storage::StorageError::ContainerNotFound(_)) => {
            super::create::make_layer(core, row)?;
            store.mount_container(&row.id, &ContainerMountOptions::default()).map_err(storage)
        }
        Err(error) => Err(storage(error)),
    }
}

/// Connects it; the answer are sockets that reserve its published ports as long as they are open.
fn set_up_network(core: &Core, row: &mut ContainerRow) -> Result<Vec<OwnedFd>> {
    let networks = match row.config.network {
        NetworkMode::Bridge => row.config.networks.clone(),
        NetworkMode::Private => Default::default(),
        NetworkMode::Pasta | NetworkMode::Slirp => {
            super::rootless_network::set_up(core, row)?;
            return Ok(Vec::new());
        }
        NetworkMode::None | NetworkMode::Host | NetworkMode::Container(_) | NetworkMode::Path(_) => {
            return Ok(Vec::new());
        }
    };
    let all = core.networks()?;
    let path = all.create_netns(&row.id)?;
    row.status.netns = path.to_string_lossy().into_owned();
    if networks.is_empty() {
        return Ok(Vec::new());
    }
    let report = all.setup(&SetupOptions {
        container_id: row.id.clone(),
        container_name: row.name.clone(),
        netns: path,
        networks,
        ports: row.config.ports.clone(),
        dns_servers: files::dns_servers(core, row),
    })?;
    row.status.networks = report.networks;
    Ok(report.sockets)
}

fn launch_options(
    core: &Core,
    row: &ContainerRow,
    bundle: PathBuf,
    held: Vec<OwnedFd>,
) -> Result<LaunchOptions> {
    let config = &row.config;
    let log = match config.log_driver.as_str() {
        "none" => LogConfig::None,
        "passthrough" => LogConfig::Passthrough,
        _ => LogConfig::K8sFile {
            path: log_path(core, row),
            max_size: (config.log_size > 0).then_some(config.log_size),
        },
    };
    let mut descriptors = Vec::new();
    if matches!(log, LogConfig::Passthrough) {
        for standard in [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()] {
            descriptors.push(standard.try_clone_to_owned()?);
        }
    }
    let mut exit_command = core.options.exit_command.clone();
    if !exit_command.is_empty() {
        exit_command.push(row.id.clone());
    }
    let parent = Some(config.spec.cgroup_parent.as_str()).filter(|parent| !parent.is_empty());
    Ok(LaunchOptions {
        id: row.id.clone(),
        oci_runtime: core.oci_runtime(&config.runtime)?,
        bundle,
        streams: StreamOptions {
            terminal: config.spec.terminal == Some(true),
            stdin: config.spec.stdin == Some(true),
            stdin_once: false,
            size: None,
            log,
            descriptors,
            held,
        },
        exit_command,
        periodic: Vec::new(),
        timeout: (config.spec.timeout > 0).then(|| Duration::from_secs(u64::from(config.spec.timeout))),
        no_pivot: core.options.containers.engine.no_pivot_root == Some(true),
        monitor_cgroup: None,
        container_cgroup: core.cgroup().container_path(&row.id, parent).1,
    })
}

/// Where the log of a container lies.
pub(super) fn log_path(core: &Core, row: &ContainerRow) -> PathBuf {
    if row.config.log_path.is_empty() {
        core.container_dir(&row.id).join("ctr.log")
    } else {
        PathBuf::from(&row.config.log_path)
    }
}

/// Watches a run from this process for as long as it lives: clears up at the end, and tells the monitor that
/// nobody else need.
pub(super) fn supervise(core: &Arc<Core>, id: &str, supervision: Supervision) {
    let (sender, receiver) = watch::channel(None);
    core.supervised.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), receiver.clone());
    let worker = {
        let core = Arc::clone(core);
        let id = id.to_owned();
        move || {
            let code = match supervision.wait_exit() {
                Ok(record) => {
                    let _ = supervision.wait_cleaned();
                    record.exit_code
                }
                // The monitor was killed; the process may live on.
                Err(_) => core
                    .runtime()
                    .ok()
                    .and_then(|runtime| runtime.wait(&id, None).ok())
                    .map_or(super::state::UNKNOWN_EXIT, |record| record.exit_code),
            };
            let result = cleanup::after_exit(&core, &id);
            match result {
                Ok(()) => {
                    let _ = supervision.acknowledge();
                }
                // Without the acknowledgement the monitor's exit command tries again.
                Err(error) => tracing::warn!("cleaning up container {id}: {error}"),
            }
            // Those who wait see the end before the entry goes.
            let _ = sender.send(Some(code));
            let mut all = core.supervised.lock().unwrap_or_else(PoisonError::into_inner);
            if all.get(&id).is_some_and(|current| current.same_channel(&receiver)) {
                all.remove(&id);
            }
        }
    };
    let thread = std::thread::Builder::new().name("supervise".into()).stack_size(512 << 10).spawn(worker);
    if let Err(error) = thread {
        // The monitor's exit command does it then, as the closure and with it the connection is dropped.
        tracing::warn!("supervising container {id}: {error}");
        core.supervised.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}
