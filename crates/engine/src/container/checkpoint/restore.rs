//! Going on from a checkpoint.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use cove_api::{
    ContainerState, Error, ErrorKind, NetworkStatus, RestoreArchives, RestoreOptions, RestoreReport, Result,
};
use cove_runtime::Restore;
use cove_sys::read;
use cove_tree::{Root, Unpacking};

use super::criu::{self, Work};
use super::files::{CHANGES, CheckpointFiles, DELETED, NETWORKS, SHARED_MEMORY, VOLUMES, is_file};
use super::import::{self, Arrived};
use super::statistics;
use crate::container::lookup::Locked;
use crate::container::state::improper;
use crate::container::{prepare, start};
use crate::engine::{Core, blocking};
use crate::files::Owners;
use crate::sandbox;
use crate::state::{ContainerRow, make_private};

/// Largest list of addresses or of deleted files, in bytes.
const LONGEST_LIST: u64 = 64 << 20;

/// Has a container go on: its own checkpoint, or that of an image or an archive, of which it is made.
pub(in crate::container) async fn restore(
    core: &Arc<Core>,
    name: &str,
    options: RestoreOptions,
    archives: RestoreArchives,
) -> Result<RestoreReport> {
    criu::check_rights(core, Work::Restore)?;
    let saved = match archives.checkpoint {
        Some(archive) => Some(import::save(core, archive).await?),
        None => None,
    };
    let previous = match archives.previous {
        Some(archive) => Some(import::save(core, archive).await?),
        None => None,
    };
    let (name, chosen, with_previous) = (name.to_owned(), options.clone(), previous.is_some());
    let arrived = blocking(core, move |core| {
        let arrived = elsewhere(core, &name, saved)?;
        chosen.check(arrived.is_some(), with_previous)?;
        if let Some(arrived) = &arrived {
            // Told before an image is brought and a container made.
            criu::check(core, Work::Restore, &arrived.runtime(core)?, !chosen.pod.is_empty())?;
        }
        Ok((name, arrived))
    });
    match arrived.await? {
        (name, None) => blocking(core, move |core| go_on(core, &name, &options, false)).await,
        (_, Some(arrived)) => {
            arrived.bring_image(core).await?;
            blocking(core, move |core| from_elsewhere(core, &arrived, &options, previous)).await
        }
    }
}

/// The checkpoint in the archive, or in the image of that name where no container has it.
fn elsewhere(core: &Core, name: &str, saved: Option<File>) -> Result<Option<Arrived>> {
    if let Some(archive) = saved {
        return import::arrived(archive).map(Some);
    }
    match core.find_container(name) {
        Ok(_) => Ok(None),
        Err(error) if error.kind == ErrorKind::NotFound => import::of_image(core, name).map(Some),
        Err(error) => Err(error),
    }
}

fn from_elsewhere(
    core: &Arc<Core>,
    arrived: &Arrived,
    options: &RestoreOptions,
    previous: Option<File>,
) -> Result<RestoreReport> {
    let id = arrived.make(core, options, previous)?;
    go_on(core, &id, options, true).inspect_err(|_| arrived.undo(core, &id, options))
}

/// Starts a container from the checkpoint that lies with it.
fn go_on(core: &Arc<Core>, name: &str, options: &RestoreOptions, is_new: bool) -> Result<RestoreReport> {
    let Locked { mut row, lock: _lock } = core.locked_container(name)?;
    if !matches!(row.state, ContainerState::Created | ContainerState::Exited | ContainerState::Stopped) {
        return Err(improper(format!("container {} is running or paused, cannot restore", row.id)));
    }
    let runtime = core.oci_runtime(&row.config.runtime)?;
    criu::check(core, Work::Restore, &runtime, !options.pod.is_empty())?;
    let files = CheckpointFiles::of(core, &row.id);
    files.check_complete()?;
    make_private(&files.work())?;
    row.status.stopped_by_user = false;
    row.status.restarts = 0;
    start::start_dependencies(core, &row)?;
    forget_fixed_addresses(core, &mut row, options)?;
    // A copy with another name must not take the addresses of the first one.
    if options.name.is_empty() {
        same_addresses(&mut row, &files, options)?;
    }
    let launch = prepare::prepare_from(
        core,
        &mut row,
        Some(Restore {
            images: files.images(),
            work: files.work(),
            tcp_established: options.tcp_established,
            tcp_close: options.tcp_close,
            file_locks: options.file_locks,
        }),
    )?;
    if let Err(error) = fill(core, &row, &files, options, is_new) {
        drop(launch);
        if let Err(second) = prepare::undo(core, &mut row) {
            tracing::warn!("cleaning up container {} after a failed restore: {second}", row.id);
        }
        return Err(error);
    }
    let begin = Instant::now();
    start::launched(core, &mut row, launch, true).map_err(|mut error| {
        let log = files.log("restore.log");
        if !log.is_empty() && !is_new {
            error.message = format!("{} (see {log})", error.message);
        }
        error
    })?;
    let duration = u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX);
    core.tell("restore", &row);
    let mut report = RestoreReport { id: row.id.clone(), ..RestoreReport::default() };
    if options.print_stats {
        report.duration = duration;
        // It runs: nothing below may take it away again.
        report.statistics = statistics::read(&files.work().join("stats-restore"))
            .inspect_err(|error| tracing::warn!("statistics of the restore: {error}"))
            .ok();
    }
    if !options.keep
        && let Err(error) = files.remove()
    {
        tracing::warn!("removing the checkpoint of {}: {error}", row.id);
    }
    Ok(report)
}

/// Addresses that were fixed at the creation and are not wanted any more, now and later.
fn forget_fixed_addresses(core: &Core, row: &mut ContainerRow, options: &RestoreOptions) -> Result<()> {
    if !options.ignore_static_ip && !options.ignore_static_mac {
        return Ok(());
    }
    let mut request = core.database()?.request(&row.id)?;
    for network in row.config.networks.values_mut().chain(request.networks.values_mut()) {
        if options.ignore_static_ip {
            network.static_ips.clear();
        }
        if options.ignore_static_mac {
            network.static_mac.clear();
        }
    }
    Ok(core.database()?.save_config(&row.id, &row.config, &request)?)
}

/// For this start alone: the addresses that it had when the checkpoint was made.
fn same_addresses(row: &mut ContainerRow, files: &CheckpointFiles, options: &RestoreOptions) -> Result<()> {
    let path = files.data().join(NETWORKS);
    if !is_file(&path) {
        return Ok(());
    }
    let text = read::bounded(&path, LONGEST_LIST)?.unwrap_or_default();
    let known: Option<std::collections::BTreeMap<String, NetworkStatus>> = serde_json::from_slice(&text)
        .map_err(|error| Error::invalid(format!("{}: {error}", path.display())))?;
    let known = known.unwrap_or_default();
    for (name, network) in &mut row.config.networks {
        let Some((interface, was)) = known.get(name).and_then(|status| status.interfaces.iter().next())
        else {
            continue;
        };
        interface.clone_into(&mut network.interface_name);
        if !options.ignore_static_mac {
            network.static_mac.clone_from(&was.mac_address);
        }
        if !options.ignore_static_ip {
            let address = |text: &str| text.split('/').next().unwrap_or_default().to_owned();
            network.static_ips = was.subnets.iter().map(|subnet| address(&subnet.ipnet)).collect();
        }
    }
    Ok(())
}

/// Puts back what the processes expect to find: memory that is mounted from outside and, in a new container, its files
/// and volumes.
fn fill(
    core: &Core,
    row: &ContainerRow,
    files: &CheckpointFiles,
    options: &RestoreOptions,
    is_new: bool,
) -> Result<()> {
    let data = files.data();
    let (memory, saved) =
        (sandbox::shm_directory(&core.container_run_dir(&row.id)), data.join(SHARED_MEMORY));
    if is_file(&saved) && memory.is_dir() {
        unpack(&memory, &saved, &Owners::default())?;
    }
    if !is_new {
        return Ok(());
    }
    if !options.ignore_volumes {
        for volume in &row.config.volumes {
            let saved = data.join(VOLUMES).join(format!("{}.tar", volume.name));
            if data.join(VOLUMES).is_symlink() || !is_file(&saved) {
                return Err(Error::not_found(format!(
                    "failed to open volume file {VOLUMES}/{}.tar of the checkpoint: no such file: use --ignore-volumes",
                    volume.name
                )));
            }
            let planned = prepare::planned(core, volume)?;
            unpack(&planned.directory, &saved, &Owners::default())?;
        }
    }
    if options.ignore_root_fs || row.config.rootfs.is_some() {
        return Ok(());
    }
    let mountpoint = Path::new(&row.status.mountpoint);
    if is_file(&data.join(CHANGES)) {
        unpack(mountpoint, &data.join(CHANGES), &Owners::of(core, row)?)?;
    }
    if is_file(&data.join(DELETED)) {
        let text = read::bounded(&data.join(DELETED), LONGEST_LIST)?.unwrap_or_default();
        let deleted: Vec<String> =
            serde_json::from_slice(&text).map_err(|error| Error::invalid(format!("{DELETED}: {error}")))?;
        let root = Root::open(mountpoint)?;
        for path in deleted {
            cove_tree::remove(&root, path.as_bytes())?;
        }
    }
    Ok(())
}

fn unpack(directory: &Path, archive: &Path, owners: &Owners) -> Result<()> {
    let root = Root::open(directory)?;
    let unpacking = Unpacking { owners: &|uid, gid| owners.outside(uid, gid), ..Unpacking::WHOLE };
    let archive = std::io::BufReader::with_capacity(256 << 10, cove_sys::fs::File::open(archive)?);
    cove_tree::unpack(&root, &unpacking, archive)
        .map_err(|error| Error::from(error).context(directory.display()))
}
