//! From a container's row to what is run, and back: the one place that knows both rows and [`crate::sandbox`].

use std::path::PathBuf;
use std::sync::Arc;

use cove_api::{ContainerState, Error, ErrorKind, Result};
use cove_runtime::oci::{NamespaceTarget, Namespaces};
use cove_runtime::{Launch, LogConfig, Restore};

use crate::container::{create, heal, health, member, notify};
use crate::engine::Core;
use crate::error::joined;
use crate::sandbox::{self, Hidden, Plan, PlannedSecret, PlannedVolume, Prepared, Remains, Shm};
use crate::state::{
    ContainerConfig, ContainerRow, ContainerSecret, ContainerVolume, IpcMode, LogDriver, NamespaceMode,
    NetworkMode, RECORD_VERSION,
};

/// Everything but the start itself: mounts, network, files, bundle, and a monitor that waits. On an error nothing is
/// left.
pub(super) fn prepare(core: &Arc<Core>, row: &mut ContainerRow) -> Result<Launch> {
    prepare_from(core, row, None)
}

/// As [`prepare`], for a container that goes on from a checkpoint.
pub(crate) fn prepare_from(
    core: &Arc<Core>,
    row: &mut ContainerRow,
    restore: Option<Restore>,
) -> Result<Launch> {
    match prepare_once(core, row, restore.clone()) {
        // One that nobody cleaned up after may hold the address or port still.
        Err(error) if error.kind == ErrorKind::InUse && heal::others(core, &row.id)? => {
            prepare_once(core, row, restore)
        }
        prepared => prepared,
    }
}

fn prepare_once(core: &Arc<Core>, row: &mut ContainerRow, restore: Option<Restore>) -> Result<Launch> {
    if matches!(row.state, ContainerState::Stopped | ContainerState::Initialized) || row.status.prepared {
        // What an earlier run or a command that died has left.
        undo(core, row)?;
    }
    row.status.version = RECORD_VERSION;
    row.status.boot_id = core.boot_id().to_owned();
    // Noted before the first thing is made, so that a command that dies in between leaves nothing unknown.
    row.status.prepared = true;
    core.save(row)?;
    match prepare_parts(core, row, restore) {
        Ok(launch) => {
            core.tell("init", row);
            Ok(launch)
        }
        Err(error) => {
            if let Err(second) = undo(core, row) {
                tracing::warn!("cleaning up container {} after a failed start: {second}", row.id);
            }
            Err(error)
        }
    }
}

fn prepare_parts(core: &Arc<Core>, row: &mut ContainerRow, restore: Option<Restore>) -> Result<Launch> {
    crate::state::make_private(&core.container_dir(&row.id))?;
    if row.config.pause {
        crate::pod::write_program(core, &core.container_dir(&row.id), &row.config.userns)?;
    }
    crate::pod::prepare_cgroup(core, row)?;
    member::enter(core, row)?;
    // Only where it is started does it matter whose cgroup that is.
    let cgroup = row.config.settings.cgroup.split.then(|| cove_runtime::cgroup::split(&core.cgroup_probe()));
    let plan = Plan { restore, cgroup: cgroup.transpose()?, ..plan(core, row)? };
    let Prepared { launch, mountpoint, network, changed_volumes } = sandbox::prepare(core, plan)?;
    for volume in &changed_volumes {
        core.database()?.note_filled(volume)?;
    }
    row.status.mountpoint = mountpoint.to_string_lossy().into_owned();
    row.status.netns = network.netns.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    row.status.networks = network.networks;
    row.status.host_address = network.host_address;
    row.state = ContainerState::Initialized;
    core.save(row)?;
    Ok(launch)
}

/// What is to run. Containers whose namespaces it shares must run.
pub(crate) fn plan<'a>(core: &Core, row: &'a ContainerRow) -> Result<Plan<'a>> {
    let config = &row.config;
    let mut exit_command = core.options.exit_command.clone();
    if !exit_command.is_empty() {
        exit_command.push(row.id.clone());
    }
    Ok(Plan {
        id: &row.id,
        name: &row.name,
        config,
        layer: create::layer(row),
        folder: core.container_run_dir(&row.id),
        scratch: scratch(core, &row.id),
        namespaces: namespaces(core, config)?,
        shm: shared_memory(core, &config.namespaces.ipc)?,
        shared_files: match &config.network {
            NetworkMode::Container(other) => Some(core.container_run_dir(other)),
            _ => None,
        },
        volumes: config.volumes.iter().map(|volume| planned(core, volume)).collect::<Result<_>>()?,
        secrets: config
            .secrets
            .iter()
            .map(|secret| {
                let data = crate::secret::data_of(core, &row.id, &secret.name, Some(&secret.id))?;
                let ContainerSecret { target, uid, gid, mode, .. } = secret.clone();
                Ok(PlannedSecret { destination: target, data: Hidden(data), uid, gid, mode })
            })
            .collect::<Result<_>>()?,
        secret_env: config
            .secret_env
            .iter()
            .map(|(variable, name)| {
                let data = crate::secret::data_of(core, &row.id, name, None)?;
                Ok((variable.clone(), Hidden(data)))
            })
            .collect::<Result<_>>()?,
        cgroup: None,
        mtab: true,
        oci_runtime: core.oci_runtime(&config.runtime)?,
        restore: None,
        log: log(core, row),
        health: health::plan(core, row)?,
        notify: notify::plan(core, row),
        descriptors: crate::descriptors::preserved(&core.take_passed(&row.id))?,
        exit_command,
    })
}

/// On the disk, as what is written there may be large.
pub(crate) fn scratch(core: &Core, id: &str) -> PathBuf {
    core.container_dir(id).join("scratch")
}

/// A volume of a container and where its data is.
pub(super) fn planned<'a>(core: &Core, mount: &'a ContainerVolume) -> Result<PlannedVolume<'a>> {
    let volume =
        core.database()?.volume(&mount.name)?.ok_or_else(|| crate::volume::no_such_volume(&mount.name))?;
    let directory = crate::volume::acquire(core, &volume)?;
    Ok(PlannedVolume { mount, volume, directory })
}

fn namespaces(core: &Core, config: &ContainerConfig) -> Result<Namespaces> {
    let of = |mode: &NamespaceMode, kind: &str| -> Result<NamespaceTarget> {
        Ok(match mode {
            NamespaceMode::Private => NamespaceTarget::Private,
            NamespaceMode::Host => NamespaceTarget::Host,
            NamespaceMode::Path(path) => NamespaceTarget::Path(path.clone()),
            NamespaceMode::Container(id) => shared(core, id, kind)?,
        })
    };
    Ok(Namespaces {
        pid: of(&config.namespaces.pid, "pid")?,
        uts: of(&config.namespaces.uts, "uts")?,
        cgroup: of(&config.namespaces.cgroup, "cgroup")?,
        ipc: match &config.namespaces.ipc {
            IpcMode::Private | IpcMode::Shareable | IpcMode::None => NamespaceTarget::Private,
            IpcMode::Host => NamespaceTarget::Host,
            IpcMode::Path(path) => NamespaceTarget::Path(path.clone()),
            IpcMode::Container(id) => shared(core, id, "ipc")?,
        },
        network: match &config.network {
            NetworkMode::Host => NamespaceTarget::Host,
            NetworkMode::Container(id) => shared(core, id, "net")?,
            NetworkMode::Path(path) => NamespaceTarget::Path(path.into()),
            _ => NamespaceTarget::Private,
        },
        user: of(&config.userns.mode, "user")?,
    })
}

/// The namespace of another container, which must run.
fn shared(core: &Core, id: &str, kind: &str) -> Result<NamespaceTarget> {
    let mut other = core.find_container(id)?;
    core.refresh(&mut other)?;
    if !matches!(other.state, ContainerState::Running | ContainerState::Paused) || other.status.pid <= 0 {
        return Err(Error::new(
            ErrorKind::WrongState,
            format!(
                "cannot share the {kind} namespace of container {id}: it is not running: container state improper"
            ),
        ));
    }
    Ok(NamespaceTarget::Path(format!("/proc/{}/ns/{kind}", other.status.pid).into()))
}

fn shared_memory(core: &Core, ipc: &IpcMode) -> Result<Shm> {
    Ok(match ipc {
        IpcMode::Private | IpcMode::Path(_) => Shm::Private,
        IpcMode::Shareable => Shm::Shareable,
        IpcMode::Host => Shm::Host,
        IpcMode::None => Shm::None,
        IpcMode::Container(donor) => {
            // The donor may have joined another one itself.
            let mut donor = donor.clone();
            for _ in 0..16 {
                let IpcMode::Container(next) = core.find_container(&donor)?.config.namespaces.ipc else {
                    break;
                };
                donor = next;
            }
            Shm::Joined(core.container_run_dir(&donor))
        }
    })
}

fn log(core: &Core, row: &ContainerRow) -> LogConfig {
    let log = &row.config.log;
    match log.driver {
        LogDriver::None => LogConfig::None,
        LogDriver::Passthrough | LogDriver::PassthroughTty => LogConfig::Passthrough,
        LogDriver::K8sFile => LogConfig::K8sFile {
            path: log_path(core, row),
            max_size: (log.size > 0).then_some(log.size),
            files: log.files,
        },
        LogDriver::Journald => {
            LogConfig::Journal { socket: crate::event::JOURNAL.into(), fields: journal_fields(row) }
        }
    }
}

/// The fields of a container's entries, as conmon names them.
fn journal_fields(row: &ContainerRow) -> Vec<(String, String)> {
    let tag = log_tag(row);
    let identifier = if tag.is_empty() { row.name.clone() } else { tag.clone() };
    let mut fields = vec![
        ("CONTAINER_ID_FULL", row.id.clone()),
        ("CONTAINER_ID", crate::name::short(&row.id).to_owned()),
        ("CONTAINER_NAME", row.name.clone()),
        ("SYSLOG_IDENTIFIER", identifier),
    ];
    if !tag.is_empty() {
        fields.push(("CONTAINER_TAG", tag));
    }
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The tag with what its templates stand for; others stay as they are.
fn log_tag(row: &ContainerRow) -> String {
    let image = &row.config.image;
    let words = [
        ("{{.ID}}", row.id.as_str()),
        ("{{.FullID}}", &row.id),
        ("{{.Name}}", &row.name),
        ("{{.ImageName}}", &image.name),
        ("{{.ImageID}}", &image.id),
    ];
    words.into_iter().fold(row.config.log.tag.clone(), |tag, (word, value)| tag.replace(word, value))
}

/// Where the log of a container lies.
pub(super) fn log_path(core: &Core, row: &ContainerRow) -> PathBuf {
    if row.config.log.path.is_empty() {
        core.container_dir(&row.id).join("ctr.log")
    } else {
        PathBuf::from(&row.config.log.path)
    }
}

/// Gives back network, mounts and run-time files; the state becomes exited. Tries everything.
pub(super) fn release(core: &Core, row: &mut ContainerRow) -> Result<()> {
    let mut errors = release_parts(core, row);
    row.state = ContainerState::Exited;
    core.save(row)?;
    errors.extend(settle_volumes(core, row));
    core.database()?.remove_execs_of(&row.id)?;
    core.tell("cleanup", row);
    joined(errors)
}

/// Undoes the preparation of a container that was not started.
pub(super) fn undo(core: &Core, row: &mut ContainerRow) -> Result<()> {
    drop(core.take_prepared(&row.id));
    let mut errors = release_parts(core, row);
    row.state = if row.status.ran { ContainerState::Exited } else { ContainerState::Created };
    core.save(row)?;
    errors.extend(settle_volumes(core, row));
    joined(errors)
}

/// Unmounts the volumes that nobody else needs. After the record says that this container needs none.
fn settle_volumes(core: &Core, row: &ContainerRow) -> Vec<Error> {
    let names: std::collections::BTreeSet<&str> =
        row.config.volumes.iter().map(|volume| volume.name.as_str()).collect();
    names.into_iter().filter_map(|name| crate::volume::settle(core, name).err()).collect()
}

/// Takes apart whatever there may be, from the container's id alone.
fn release_parts(core: &Core, row: &mut ContainerRow) -> Vec<Error> {
    let left = member::leave(core, row);
    let (config, status) = (&row.config, &mut row.status);
    let mut errors = sandbox::release(
        core,
        &Remains {
            id: &row.id,
            folder: core.container_run_dir(&row.id),
            scratch: scratch(core, &row.id),
            runtime: &config.runtime,
            network: !status.netns.is_empty() || (status.prepared && config.network.has_own_namespace()),
            layer: config.rootfs.is_none() && (!status.mountpoint.is_empty() || status.prepared),
        },
    );
    status.networks.clear();
    status.netns.clear();
    status.mountpoint.clear();
    status.prepared = false;
    status.initialized = false;
    errors.extend(left.err());
    crate::pod::release_cgroup(core, row);
    errors
}
