//! `cove container checkpoint`

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use cove_api::{CheckpointCompression, CheckpointOptions, CheckpointReport, Checkpointed, ContainerState};
use cove_sys::output::{Existing, OutputFile};

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::common::drain;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Write the processes of running containers to the disk, from which they go on later
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
    /// Every container that runs
    #[arg(long, short)]
    all: bool,
    /// Compression of the archive: zstd, gzip or none
    #[arg(long, short, value_name = "ALGORITHM")]
    compress: Option<String>,
    /// Make an image of the checkpoint
    #[arg(long, value_name = "IMAGE")]
    create_image: Option<String>,
    /// Write the checkpoint to an archive, with the files and volumes of the container
    #[arg(long, short, value_name = "FILE")]
    export: Option<String>,
    /// Also where processes hold locks on files
    #[arg(long)]
    file_locks: bool,
    /// Leave what the container changed of its image out of the archive
    #[arg(long)]
    ignore_rootfs: bool,
    /// Leave the data of volumes out of the archive
    #[arg(long)]
    ignore_volumes: bool,
    /// Keep the logs and statistics of CRIU
    #[arg(long, short)]
    keep: bool,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
    /// Leave the container running
    #[arg(long, short = 'R')]
    leave_running: bool,
    /// Write the memory alone, and leave the container running
    #[arg(long, short = 'P')]
    pre_checkpoint: bool,
    /// Print what was measured, as JSON
    #[arg(long)]
    print_stats: bool,
    /// Also where there are established TCP connections
    #[arg(long)]
    tcp_established: bool,
    /// Leave out what has not changed since --pre-checkpoint
    #[arg(long)]
    with_previous: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

/// What `--print-stats` prints.
#[derive(serde::Serialize)]
struct Statistics {
    podman_checkpoint_duration: u64,
    container_statistics: Vec<CheckpointReport>,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    let begin = Instant::now();
    let targets = super::Targets::<true, true> {
        names: args.names.clone(),
        all: args.all,
        latest: args.latest,
        ..super::Targets::default()
    };
    targets.check()?;
    let options = options(&args)?;
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    let chosen = targets.choose(engine, &[ContainerState::Running], false, &mut failures).await?;
    if args.export.is_some() && chosen.len() > 1 {
        return Err(CommandError::other("--export takes one container: an archive holds one checkpoint"));
    }
    let mut reports = Vec::new();
    for container in &chosen {
        let place = args.export.as_deref().map(Place::take).transpose()?;
        let file = match &args.export {
            // Before the container ends for it.
            Some(path) => Some(OutputFile::create(Path::new(path), Existing::Replace)?),
            None => None,
        };
        let made = engine.containers().checkpoint(&container.id, options.clone()).await;
        let Some(Checkpointed { report, archive }) = failures.note(made) else { continue };
        if let (Some(mut file), Some(archive)) = (file, archive) {
            drain(archive, |piece| file.write_all(piece).map_err(CommandError::from)).await?;
            file.finish()?;
            if let Some(place) = place {
                place.keep();
            }
        }
        if !args.print_stats {
            context.printer.line(&container.shown)?;
        }
        reports.push(report);
    }
    if args.print_stats {
        let statistics =
            Statistics { podman_checkpoint_duration: microseconds(begin), container_statistics: reports };
        context.printer.document(&pretty(&statistics)?)?;
    }
    failures.finish()
}

/// The name of an archive, taken by an empty file for its owner alone, whose permissions the archive gets: the memory of
/// processes is in it. Without [`Place::keep`] it goes again.
struct Place(Option<std::path::PathBuf>);

impl Place {
    fn take(path: &str) -> Result<Self, CommandError> {
        let mut options = cove_sys::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        cove_sys::fs::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Ok(_) => Ok(Self(Some(path.into()))),
            // One that is there keeps its permissions.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(Self(None)),
            Err(error) => Err(error.into()),
        }
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = cove_sys::fs::remove_file(path);
        }
    }
}

fn options(args: &Args) -> Result<CheckpointOptions, CommandError> {
    let compress = match &args.compress {
        Some(_) if args.export.is_none() => {
            return Err(CommandError::other("--compress can only be used with --export"));
        }
        Some(name) => name.parse()?,
        None => CheckpointCompression::default(),
    };
    let options = CheckpointOptions {
        keep: args.keep,
        leave_running: args.leave_running,
        tcp_established: args.tcp_established,
        export: args.export.is_some(),
        ignore_root_fs: args.ignore_rootfs,
        ignore_volumes: args.ignore_volumes,
        pre_checkpoint: args.pre_checkpoint,
        with_previous: args.with_previous,
        file_locks: args.file_locks,
        print_stats: args.print_stats,
        create_image: args.create_image.clone().unwrap_or_default(),
        compress,
    };
    options.check()?;
    Ok(options)
}

/// Microseconds since a moment.
pub(super) fn microseconds(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// JSON for people, indented as Podman's.
pub(super) fn pretty(value: &impl serde::Serialize) -> Result<String, CommandError> {
    let mut text = Vec::new();
    let format = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, format);
    value.serialize(&mut serializer).map_err(|error| CommandError::other(error.to_string()))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
