//! Making a checkpoint.

use std::fs::File;
use std::io::Seek as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cove_api::{
    CheckpointCompression, CheckpointOptions, CheckpointReport, Checkpointed, ContainerState, Error, Result,
    Timestamp,
};
use cove_archive::Compression;
use cove_runtime::{Checkpoint, OciRuntime};
use cove_sys::fs;

use super::criu::{self, Work};
use super::files::{CheckpointFiles, NETWORKS, PREVIOUS, SHARED_MEMORY, STATISTICS};
use super::{archive, image, statistics};
use crate::container::lookup::Locked;
use crate::container::state::improper;
use crate::container::{prepare, remove};
use crate::engine::{Core, blocking};
use crate::sandbox;
use crate::state::{ContainerRow, IpcMode};
use crate::stream;

/// How long the processes may take to go after CRIU has ended them.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes one, and answers it as an archive where that is asked for.
pub(in crate::container) async fn checkpoint(
    core: &Arc<Core>,
    name: &str,
    options: CheckpointOptions,
) -> Result<Checkpointed> {
    let name = name.to_owned();
    let (report, archive) = blocking(core, move |core| make(core, &name, &options)).await?;
    Ok(Checkpointed { report, archive: archive.map(|archive| stream::pieces(move || Ok(archive))) })
}

/// The archive on its way out. A container that goes with its end goes when all of it was read: until then nobody else
/// may have its state.
struct Outgoing {
    file: File,
    then: Option<(Arc<Core>, String)>,
}

impl std::io::Read for Outgoing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        if count == 0
            && let Some((core, id)) = self.then.take()
        {
            let removed = core.locked_container(&id).and_then(|locked| remove::by_itself(&core, locked));
            if let Err(error) = removed {
                tracing::warn!("removing container {id} after its checkpoint: {error}");
            }
        }
        Ok(count)
    }
}

fn make(
    core: &Arc<Core>,
    name: &str,
    options: &CheckpointOptions,
) -> Result<(CheckpointReport, Option<Outgoing>)> {
    options.check()?;
    criu::check_rights(core, Work::Checkpoint)?;
    let image = match options.create_image.as_str() {
        "" => None,
        name => Some(crate::image::names::normalize(name)?),
    };
    let Locked { mut row, lock: _lock } = core.locked_container(name)?;
    check(&row, options)?;
    let runtime = core.oci_runtime(&row.config.runtime)?;
    criu::check(core, Work::Checkpoint, &runtime, false)?;
    if options.pre_checkpoint || options.with_previous {
        criu::check_memory_tracking(core)?;
    }
    let files = CheckpointFiles::of(core, &row.id);
    if options.with_previous && !files.previous().is_dir() {
        return Err(Error::invalid(format!(
            "container {} has no pre-checkpoint: make one with --pre-checkpoint first",
            row.id
        )));
    }
    let ends = !options.leave_running && !options.pre_checkpoint;
    let duration = dump(core, &mut row, &runtime, &files, options)?;
    core.tell("checkpoint", &row);
    let kept = keep(core, &row, &files, options, image.as_ref());
    let mut report = CheckpointReport { id: row.id.clone(), ..CheckpointReport::default() };
    if options.print_stats {
        report.duration = duration;
        report.statistics = statistics::read(&files.work().join(STATISTICS))
            .inspect_err(|error| tracing::warn!("statistics of the checkpoint: {error}"))
            .ok();
    }
    let tidied = if options.keep || options.pre_checkpoint { Ok(()) } else { files.remove_work() };
    if ends {
        // Told what else went wrong only when all is taken apart.
        prepare::release(core, &mut row)?;
    }
    tidied?;
    let then = (ends && row.config.auto_remove).then(|| (Arc::clone(core), row.id));
    Ok((report, kept?.map(|file| Outgoing { file, then })))
}

/// Refuses what cannot be done, before anything is.
fn check(row: &ContainerRow, options: &CheckpointOptions) -> Result<()> {
    if row.state != ContainerState::Running {
        return Err(improper(format!("{:?} is not running, cannot checkpoint", row.state.as_str())));
    }
    if row.config.auto_remove && !options.export {
        return Err(Error::invalid(
            "cannot checkpoint containers that have been started with '--rm' unless '--export' is used",
        ));
    }
    let goes_elsewhere = options.export || !options.create_image.is_empty();
    // Those of a pod depend on the one that holds its namespaces.
    let own = row.config.dependencies.len() > usize::from(!row.config.pod.is_empty());
    if goes_elsewhere && own {
        return Err(Error::invalid("cannot export checkpoints of containers with dependencies"));
    }
    Ok(())
}

/// Has the OCI runtime write the processes; answers how many microseconds it took.
fn dump(
    core: &Arc<Core>,
    row: &mut ContainerRow,
    runtime: &OciRuntime,
    files: &CheckpointFiles,
    options: &CheckpointOptions,
) -> Result<u64> {
    let images = files.begin(options.pre_checkpoint)?;
    let ends = !options.leave_running && !options.pre_checkpoint;
    if ends {
        // Whoever finds it ended, if this process is killed, completes the checkpoint and starts nothing.
        row.status.checkpoint.under_way = true;
        row.status.stopped_by_user = true;
        core.save(row)?;
    }
    let previous = format!("../{PREVIOUS}");
    let begin = Instant::now();
    let dumped = core.runtime()?.checkpoint(
        runtime,
        &row.id,
        &Checkpoint {
            images: &images,
            work: &files.work(),
            previous: options.with_previous.then_some(previous.as_str()),
            memory_alone: options.pre_checkpoint,
            leave_running: options.leave_running,
            tcp_established: options.tcp_established,
            file_locks: options.file_locks,
        },
    );
    let duration = u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX);
    if !ends {
        dumped?;
        if !options.pre_checkpoint {
            save_surroundings(core, row, files)?;
            files.accept()?;
        }
        return Ok(duration);
    }
    if let Err(error) = dumped {
        // What follows a dump may fail (the monitor may have taken the runtime's state away), but not a dump half way.
        let alive = core.runtime()?.state(&row.id)?.process().is_some();
        if alive || !files.is_dumped() {
            row.status.checkpoint.under_way = false;
            row.status.stopped_by_user = false;
            core.save(row)?;
            return Err(error.into());
        }
        tracing::debug!("checkpoint of {}: {error}", row.id);
    }
    let _ = core.runtime()?.wait(&row.id, Some(PATIENCE));
    core.sync(row)?;
    complete(core, row)?;
    core.save(row)?;
    Ok(duration)
}

/// After the end of a container of which a checkpoint was being made: makes it the container's checkpoint, if CRIU came
/// to the end. Everything around it is still there. Doing it twice does no harm.
pub(in crate::container) fn complete(core: &Arc<Core>, row: &mut ContainerRow) -> Result<()> {
    if !row.status.checkpoint.under_way {
        return Ok(());
    }
    let files = CheckpointFiles::of(core, &row.id);
    if files.is_dumped() {
        save_surroundings(core, row, &files)?;
        files.accept()?;
        row.status.checkpoint.made_at = now();
        row.status.checkpoint.restored_at = 0;
    }
    row.status.checkpoint.under_way = false;
    Ok(())
}

/// Nanoseconds since the epoch.
pub(super) fn now() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default()
}

/// What goes with the processes: addresses, and memory that is mounted from outside.
fn save_surroundings(core: &Core, row: &ContainerRow, files: &CheckpointFiles) -> Result<()> {
    let networks =
        serde_json::to_vec(&row.status.networks).map_err(|error| Error::internal(error.to_string()))?;
    fs::write(files.data().join(NETWORKS), networks)?;
    let target = files.data().join(SHARED_MEMORY);
    let memory = sandbox::shm_directory(&core.container_run_dir(&row.id));
    if row.config.namespaces.ipc != IpcMode::Shareable || !memory.is_dir() {
        return match fs::remove_file(&target) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        };
    }
    let mut out = std::io::BufWriter::new(fs::File::create(&target)?);
    archive::pack_directory(&memory, &mut out)?;
    Ok(std::io::Write::flush(&mut out)?)
}

/// Makes the archive, or the image, that is asked for.
fn keep(
    core: &Arc<Core>,
    row: &ContainerRow,
    files: &CheckpointFiles,
    options: &CheckpointOptions,
    image: Option<&cove_registry::Reference>,
) -> Result<Option<File>> {
    if !options.export && image.is_none() {
        return Ok(None);
    }
    let spool = core.options.state_dir();
    let mut file =
        tempfile::tempfile_in(&spool).map_err(|error| Error::from(error).context(spool.display()))?;
    let compression = match (options.compress, image) {
        (_, Some(_)) | (CheckpointCompression::None, _) => Compression::None,
        (CheckpointCompression::Gzip, _) => Compression::Gzip,
        (CheckpointCompression::Zstd, _) => Compression::Zstd,
    };
    let out = std::io::BufWriter::with_capacity(256 << 10, &mut file);
    cove_archive::compressed(compression, out, |out| archive::write(core, row, files, options, out))?;
    file.rewind()?;
    match image {
        None => Ok(Some(file)),
        Some(name) => image::make(core, row, name, file).map(|()| None),
    }
}
