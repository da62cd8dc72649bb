//! `cove container restore`

use std::time::Instant;

use cove_api::{
    ByteStream, ContainerState, Engine, ListOptions, RestoreArchives, RestoreOptions, RestoreReport,
};

use super::checkpoint::{microseconds, pretty};
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Have containers go on from their checkpoints
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids of containers, or images of checkpoints
    #[arg(value_name = "CONTAINER|IMAGE")]
    names: Vec<String>,
    /// Every container with a checkpoint
    #[arg(long, short)]
    all: bool,
    /// With locks on files
    #[arg(long)]
    file_locks: bool,
    /// Without what the container had changed of its image
    #[arg(long)]
    ignore_rootfs: bool,
    /// With new addresses, also where they were fixed
    #[arg(long)]
    ignore_static_ip: bool,
    /// With new hardware addresses, also where they were fixed
    #[arg(long)]
    ignore_static_mac: bool,
    /// Without the data of volumes
    #[arg(long)]
    ignore_volumes: bool,
    /// Make the container from the archive of a checkpoint, which may say whatever a command says: take only those that
    /// you trust
    #[arg(long, short, value_name = "FILE")]
    import: Option<String>,
    /// The archive of the pre-checkpoint that goes with it
    #[arg(long, value_name = "FILE")]
    import_previous: Option<String>,
    /// Keep the checkpoint, and the logs and statistics of CRIU
    #[arg(long, short)]
    keep: bool,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
    /// Name of the container that is made from an archive or an image
    #[arg(long, short, value_name = "NAME")]
    name: Option<String>,
    /// Pod that the container goes into
    #[arg(long, value_name = "POD")]
    pod: Option<String>,
    /// Print what was measured, as JSON
    #[arg(long)]
    print_stats: bool,
    /// Publish these ports in place of those that it had: [[HOSTIP:]HOSTPORT:]PORT[/PROTOCOL]
    #[arg(long, short, value_name = "PORT", value_delimiter = ',')]
    publish: Vec<String>,
    /// With TCP connections closed
    #[arg(long)]
    tcp_close: bool,
    /// With established TCP connections
    #[arg(long)]
    tcp_established: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER|IMAGE [CONTAINER|IMAGE...]");

/// What `--print-stats` prints.
#[derive(serde::Serialize)]
struct Statistics {
    podman_restore_duration: u64,
    container_statistics: Vec<RestoreReport>,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    let begin = Instant::now();
    check(&args)?;
    let engine = context.engine().await?;
    let names = names(engine, &args).await?;
    let mut elsewhere = args.import.is_some();
    if let Some(first) = args.names.first() {
        elsewhere |= !engine.containers().exists(first).await?;
    }
    let options = options(&args);
    options.check(elsewhere, args.import_previous.is_some())?;
    let mut failures = Failures::default();
    let mut reports = Vec::new();
    for (name, shown) in &names {
        let archives = RestoreArchives {
            checkpoint: args.import.as_deref().map(open).transpose()?,
            previous: args.import_previous.as_deref().map(open).transpose()?,
        };
        let restored = engine.containers().restore(name, options.clone(), archives).await;
        let Some(report) = failures.note(restored) else { continue };
        if !args.print_stats {
            context.printer.line(shown.as_ref().unwrap_or(&report.id))?;
        }
        reports.push(report);
    }
    if args.print_stats {
        let statistics =
            Statistics { podman_restore_duration: microseconds(begin), container_statistics: reports };
        context.printer.document(&pretty(&statistics)?)?;
    }
    failures.finish()
}

/// Refuses what contradicts, in Podman's words.
fn check(args: &Args) -> Result<(), CommandError> {
    let (named, chosen) = (!args.names.is_empty(), args.all || args.latest);
    let complaint = if args.import.is_some() && chosen {
        "cannot use --import with --all or --latest"
    } else if args.import.is_some() && named {
        "cannot use --import with positional arguments"
    } else if args.all && args.latest {
        "--all and --latest cannot be used together"
    } else if chosen && named {
        "--all or --latest and containers cannot be used together"
    } else if !named && !chosen && args.import.is_none() {
        "you must provide at least one name or id"
    } else if args.names.len() > 1 && args.name.is_some() {
        "--name can only be used with one checkpoint image"
    } else {
        return Ok(());
    };
    Err(CommandError::other(complaint))
}

/// What is to go on, and what to call it: nothing where only the report knows.
async fn names(engine: &dyn Engine, args: &Args) -> Result<Vec<(String, Option<String>)>, CommandError> {
    if args.import.is_some() {
        return Ok(vec![(String::new(), None)]);
    }
    if args.latest {
        let id = super::latest(engine).await?;
        return Ok(vec![(id.clone(), Some(id))]);
    }
    if !args.all {
        let names = args.names.iter().map(|name| name.strip_prefix('/').unwrap_or(name));
        return Ok(names.map(|name| (name.to_owned(), Some(name.to_owned()))).collect());
    }
    let mut names = Vec::new();
    for row in engine.containers().list(ListOptions { all: true, ..ListOptions::default() }).await? {
        if row.state == ContainerState::Exited
            && engine.containers().inspect(&row.id, false).await?.state.checkpointed
        {
            names.push((row.id.clone(), Some(row.id)));
        }
    }
    Ok(names)
}

fn options(args: &Args) -> RestoreOptions {
    RestoreOptions {
        name: args.name.clone().unwrap_or_default(),
        keep: args.keep,
        tcp_established: args.tcp_established,
        tcp_close: args.tcp_close,
        import: args.import.is_some(),
        ignore_root_fs: args.ignore_rootfs,
        ignore_volumes: args.ignore_volumes,
        ignore_static_ip: args.ignore_static_ip,
        ignore_static_mac: args.ignore_static_mac,
        file_locks: args.file_locks,
        print_stats: args.print_stats,
        publish_ports: args.publish.join(" "),
        pod: args.pod.clone().unwrap_or_default(),
    }
}

fn open(path: &str) -> Result<ByteStream, CommandError> {
    crate::commands::common::file_stream(path)
}
